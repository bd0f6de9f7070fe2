"""What a run leaves: the names in a run directory that tests compare with, and what they hold."""

import csv
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fmclust.runs import BEST_CHECKPOINT, CLUSTERINGS, LAST_CHECKPOINT, read_status


@dataclass(frozen=True)
class Entry:
    """One name or pattern in a run directory.

    Attributes:
        pattern: Path relative to the run directory; `*` stands for any part of a name.
        when: `always`; `trained`: only when a network was trained; `labelled`: only when the
            data has labels; `drawn`: only with figures; `chosen`: only when something optional is
            on; `augmented`: only for an encoder trained on random views; `left out`: only when a
            file could not be read; `estimated`: only with `n_clusters=auto`; `profiled`: only with
            a profiler; `clustered again`: only after `python -m fmclust.cluster`.
    """

    pattern: str
    when: str = "always"


LAYOUT = (
    Entry(".lock", "chosen"),  # where the file system has locks
    Entry("config.yaml"),
    Entry("overrides.yaml"),
    Entry("train.log"),
    Entry("status.json"),
    Entry("metrics.json"),
    Entry("manifest.json"),
    Entry("assignments.csv"),
    Entry("clusterings.json"),
    Entry("n_clusters.csv", "estimated"),
    Entry("unreadable.csv", "left out"),
    Entry("thumbnails.npz"),
    Entry("report.html"),
    Entry("losses.csv", "trained"),
    Entry("clusterers/*.skops"),
    Entry("clusterers/*.npz"),
    Entry("latents.npz", "trained"),
    Entry(LAST_CHECKPOINT, "trained"),
    Entry(BEST_CHECKPOINT, "trained"),
    Entry("figures/losses.png", "drawn"),
    Entry("figures/reconstructions.png", "chosen"),
    Entry("figures/views.png", "augmented"),
    Entry("figures/n_clusters.png", "estimated"),
    Entry("figures/dataset.png", "drawn"),
    Entry("figures/*_samples.png", "drawn"),
    Entry("figures/*_centres.png", "chosen"),
    Entry("figures/latents_*.png", "chosen"),
    Entry("figures/*_confusion_raw.png", "labelled"),
    Entry("figures/*_confusion_matched.png", "labelled"),
    Entry("events.out.tfevents.*", "chosen"),
    Entry("projector_config.pbtxt", "chosen"),
    Entry("*/latents/*", "chosen"),  # the projector's
    Entry("fit-profile.txt", "profiled"),
    Entry(f"{CLUSTERINGS}/*", "clustered again"),  # each a directory like this one
)


def unexpected_and_missing(directory: Path, kinds: set[str]) -> tuple[list[str], list[str]]:
    """Compares a finished run's directory with the list.

    Args:
        directory: The run directory.
        kinds: Which kinds of entries hold for the run, beside `always`.

    Returns:
        Files that no entry names, and entries that no file fits.
    """
    files = [p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()]
    expected = [entry.pattern for entry in LAYOUT if entry.when in kinds | {"always"}]
    unexpected = [f for f in files if not any(fnmatch(f, pattern) for pattern in expected)]
    missing = [pattern for pattern in expected if not any(fnmatch(f, pattern) for f in files)]
    return sorted(unexpected), missing


def status_of(run: Path) -> dict[str, Any]:
    """Return what status.json of a run says."""
    status = read_status(run)
    assert status is not None, f"{run} has no status"
    return status


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def events_of(run: Path) -> EventAccumulator:
    """Return what TensorBoard shows of a run, with all of its images."""
    events = EventAccumulator(str(run), size_guidance={"images": 0})
    events.Reload()
    return events
