"""Names in a run directory that more than one module uses, and the version of its format."""

FORMAT = 2  # status.json says it; fmclust 0.1 wrote none

LAST_CHECKPOINT = "checkpoints/last.ckpt"
BEST_CHECKPOINT = "checkpoints/best.ckpt"
CLUSTERINGS = "clusterings"  # folder of later clusterings
CLUSTERINGS_FILE = "clusterings.json"
ASSIGNMENTS = "assignments.csv"
LOCK = ".lock"
