"""The run directory: its names, claiming and locking it, writing whole files or none."""

from fmclust.runs.assigned import (
    Assigned,
    read_assigned,
    read_assignments,
    read_classes,
    read_matching,
)
from fmclust.runs.directory import Run, claim, join, locked, reopen
from fmclust.runs.environment import environment, machine
from fmclust.runs.files import (
    read_json,
    refuse_links,
    replacing,
    telling_of_a_full_disk,
    write_json,
    write_rows,
    write_text,
)
from fmclust.runs.layout import (
    BEST_CHECKPOINT,
    CLUSTERINGS,
    LAST_CHECKPOINT,
    LAYOUT,
    unexpected_and_missing,
)
from fmclust.runs.manifest import MANIFEST, verified
from fmclust.runs.reading import (
    clustered_in,
    find_runs,
    read_latents,
    read_losses,
    read_metrics,
    read_status,
    read_thumbnails,
)
from fmclust.runs.saved_config import read_config, read_overrides, refuse_unsafe

__all__ = [
    "Assigned",
    "BEST_CHECKPOINT",
    "CLUSTERINGS",
    "LAST_CHECKPOINT",
    "LAYOUT",
    "MANIFEST",
    "Run",
    "claim",
    "clustered_in",
    "environment",
    "find_runs",
    "join",
    "locked",
    "machine",
    "read_assigned",
    "read_assignments",
    "read_classes",
    "read_config",
    "read_json",
    "read_latents",
    "read_losses",
    "read_matching",
    "read_metrics",
    "read_overrides",
    "refuse_unsafe",
    "read_status",
    "read_thumbnails",
    "refuse_links",
    "reopen",
    "replacing",
    "telling_of_a_full_disk",
    "unexpected_and_missing",
    "verified",
    "write_json",
    "write_rows",
    "write_text",
]
