"""New images into the clusters of a finished run: one row of a CSV file for each.

`python -m fmclust.assign run=<directory> input=<images> output=<csv>`
"""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.errors import UserError, complain, require_bool

UNREADABLE, FAR, REVERSED = "unreadable", "far", "reversed"  # beside the cluster ids
MIDDLE = 127.5  # between a dark ground and a light one
MIN_CONTRAST = 32**2  # brightness squared: how far from the middle they are to be opposites

if TYPE_CHECKING:
    from fmclust.data import Input
    from fmclust.inference import LoadedRun


def assign(config: DictConfig) -> None:
    """Assigns every image of the input; leaves the CSV file and prints a summary."""
    require_bool("strict", config.strict)
    if config.invert is not None:
        require_bool("invert", config.invert)
    output = Path(str(config.output)).absolute()
    if output.exists():
        raise UserError(f"output={output} is there already: type output=<a new file>.")

    from fmclust.data import open_input
    from fmclust.inference import load_run
    from fmclust.jobs.threads import limited_threads  # torch, which `--help` does without
    from fmclust.models import BATCH
    from fmclust.runs import full_disk_as_user_error, replacing

    with limited_threads(config.threads):
        run = load_run(str(config.run))
        name = run.clusterer_named(config.clusterer)
        found = open_input(Path(str(config.input)).absolute(), run.image_size, BATCH)
        invert = bool(run.config.data.get("invert", False))
        invert = invert if config.invert is None else config.invert
        with full_disk_as_user_error(output.parent), replacing(output) as partial:
            counts = assign_all(partial, found, run, name, invert=invert)
    print(f"{summary(counts, run, name, invert=invert)}\n{output}")
    if config.strict and counts[UNREADABLE]:
        sys.exit(complain(f"{counts[UNREADABLE]} images are unreadable.", FAILED_JOBS))


def assign_all(
    path: Path, found: "Input", run: "LoadedRun", clusterer: str, *, invert: bool
) -> Counter[int | str]:
    """Writes a row for every image, batch after batch.

    Returns:
        How many images are in which cluster, and how many are `UNREADABLE`, `FAR`, `REVERSED`.
    """
    from rich.progress import Progress

    from fmclust.data import border_brightness
    from fmclust.inference import AssignmentWriter

    counts: Counter[int | str] = Counter()
    with (
        path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
        Progress() as progress,
    ):
        task = progress.add_task(f"Assigning {found.count:,} images", total=found.count)
        writer = AssignmentWriter(file, run.class_names)
        for batch in found.batches:
            images = 255 - batch.images if invert else batch.images
            assigned = run.assign(images, clusterer) if len(images) else None
            writer.write(batch.names, assigned, batch.reasons)
            counts[UNREADABLE] += len(batch.reasons)
            if assigned is not None:
                counts.update(assigned.clusters.tolist())
                counts[FAR] += 0 if assigned.far is None else int(assigned.far.sum())
                if (border_brightness(images) - MIDDLE) * (run.border - MIDDLE) < -MIN_CONTRAST:
                    counts[REVERSED] += len(images)
            progress.advance(task, len(batch.names))
    return counts


def summary(counts: Counter[int | str], run: "LoadedRun", clusterer: str, *, invert: bool) -> str:
    """Says in words what became of the images."""
    sizes = {key: counts[key] for key in sorted(k for k in counts if isinstance(k, int))}
    matching, total = run.matching(clusterer), sum(sizes.values())
    lines = [f"{total:,} images are assigned by {clusterer}, {counts[UNREADABLE]:,} unreadable."]
    for cluster, size in sizes.items():
        name = f" ({run.class_names[matching[cluster]]})" if cluster in matching else ""
        lines.append(f"  {'noise' if cluster < 0 else cluster}{name}: {size:,}")
    if counts[FAR]:
        lines.append(f"{counts[FAR]:,} images are far from all that the run was trained on.")
    if counts[REVERSED] > total / 2:
        ground = "dark" if run.border < MIDDLE else "light"
        lines.append(
            f"Most images have another ground than the run's, which is {ground}: "
            f"if dark and light are swapped, type invert={str(not invert).lower()}."
        )
    return "\n".join(lines)


main = command("assign", assign)

if __name__ == "__main__":
    main()
