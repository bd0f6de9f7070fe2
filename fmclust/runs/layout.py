"""Names of files in a run directory that several modules use, and the version of its format."""

FORMAT = 2  # written to status.json; fmclust 0.1 did not write it

STATUS = "status.json"  # how a run has ended, and facts about it
LAST_CHECKPOINT = "checkpoints/last.ckpt"
BEST_CHECKPOINT = "checkpoints/best.ckpt"
PRETRAINED_WEIGHTS = "checkpoints/pretrained.ckpt"  # copied from where they were trained
CLUSTERINGS = "clusterings"  # folder of later clusterings
LATENTS = "latents"  # beside the splits of a run: the rows that Spark has clustered
CLUSTERINGS_FILE = "clusterings.json"
ASSIGNMENTS = "assignments.csv"
LOCK = ".lock"
SWEEP_PLAN = "sweep.json"  # in the directory of a sweep: the overrides of its jobs
IMAGES_FILE = "images.npy"  # of ImageClusterer: the array that it was fitted to
AGREEMENT = "n_clusters.csv"  # with n_clusters=auto: the curve that it was chosen by
UNREADABLE = "unreadable.csv"  # absent if every file was read
