"""The run directory: names of its files, claiming and locking it, writing and reading it."""

from fmclust.runs.assigned import Assigned, read_assigned, read_assignments, read_classes
from fmclust.runs.claims import Advice, claim, locked, reopen
from fmclust.runs.environment import machine
from fmclust.runs.files import (
    full_disk_as_user_error,
    read_json,
    refuse_links,
    replacing,
    write_json,
    write_rows,
    write_text,
)
from fmclust.runs.layout import (
    AGREEMENT,
    ASSIGNMENTS,
    BEST_CHECKPOINT,
    CLUSTERINGS,
    CLUSTERINGS_FILE,
    IMAGES_FILE,
    LAST_CHECKPOINT,
    LATENTS,
    PRETRAINED_WEIGHTS,
    UNREADABLE,
)
from fmclust.runs.manifest import MANIFEST, is_done, update_manifest, verified
from fmclust.runs.reading import (
    NO_OBJECTIVE,
    clustered_in,
    find_runs,
    is_trained,
    read_agreement,
    read_clusterings,
    read_latents,
    read_losses,
    read_matching,
    read_metrics,
    read_objective,
    read_status,
    read_thumbnails,
)
from fmclust.runs.run import Run
from fmclust.runs.saved_config import (
    model_name,
    read_config,
    read_overrides,
    refuse_foreign,
    refuse_interpolations,
)
