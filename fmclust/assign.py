"""Assign new images to the clusters of a finished run; write a table with a row for each.

`python -m fmclust.assign run=<directory> input=<images> output=<csv>`
"""

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.config.schema import sort_target
from fmclust.errors import UserError, complain, require_bool

if TYPE_CHECKING:
    from fmclust.evaluation.sorting import ClusterFolders
    from fmclust.inference import LoadedRun

UNREADABLE, FAR, REVERSED = "unreadable", "far", "reversed"  # counted like the cluster ids
MIDDLE = 127.5  # brightness: below it a background is dark, above it light
MIN_CONTRAST = 32**2  # brightness squared: minimum for two backgrounds to be opposite


def assign(config: DictConfig) -> None:
    """Assign every image of the input; write the table and print a summary."""
    require_bool("strict", config.strict)
    if config.invert is not None:
        require_bool("invert", config.invert)
    output = Path(str(config.output)).absolute()
    if output.exists():
        raise UserError(f"output={output} is there already: type output=<a new file>.")
    sort_into = sort_target(config)

    # These import torch, which `--help` doesn't need.
    from fmclust import inference, runs
    from fmclust.data.picture_files import is_archive
    from fmclust.evaluation.sorting import ClusterFolders
    from fmclust.jobs.threads import limited_threads

    with limited_threads(config.threads):
        run = inference.load_run(str(config.run))
        name = run.clusterer_named(config.clusterer)
        invert = run.config.data.get("invert") if config.invert is None else config.invert
        images = Path(str(config.input)).absolute()
        folders = None
        if sort_into is not None:
            pictures = images if images.is_dir() or is_archive(images) else None
            title = partial(run.cluster_title, name)
            folders = ClusterFolders(sort_into, pictures, title, has_sheets=config.contact_sheets)
        with runs.full_disk_as_user_error(output.parent), runs.replacing(output) as part:
            counts, warnings = assign_all(images, part, run, name, folders, invert=bool(invert))
            if folders is not None:
                folders.write_sheets()
    print(summary(counts, run, name, invert=bool(invert)))
    for warning in warnings:
        print(f"Warning: {warning}.")
    print(output)
    if sort_into is not None:
        print(sort_into)
    if config.strict and counts[UNREADABLE]:
        sys.exit(complain(f"{counts[UNREADABLE]} images are unreadable.", FAILED_JOBS))


def assign_all(
    path: Path,
    output: Path,
    run: "LoadedRun",
    clusterer: str,
    folders: "ClusterFolders | None",
    *,
    invert: bool,
) -> tuple[Counter[int | str], list[str]]:
    """Write a row for every image at a path, batch after batch.

    Returns:
        Cluster id to number of images, and the numbers of images that are `UNREADABLE`, `FAR`
        from the training images, or `REVERSED`: on the opposite background; and warnings.

    Raises:
        UserError: If no image can be read.
    """
    from rich.progress import Progress

    from fmclust import data, inference
    from fmclust.inference.tables import table_writer

    counts: Counter[int | str] = Counter()
    unread: dict[str, str] = {}
    images_in = run.open_input(path)
    with table_writer(output) as write, Progress() as progress:
        n_images = images_in.n_images
        task = progress.add_task(f"Assigning {n_images:,} images", total=n_images)
        for batch in images_in.batches:
            images = 255 - batch.images if invert else batch.images
            assigned = run.assign(images, clusterer) if len(images) else None
            write(inference.to_table(batch.names, batch.reasons, assigned, run.class_names))
            unread |= {batch.names[row]: reason for row, reason in batch.reasons.items()}
            if assigned is not None:
                if folders is not None:
                    known = [n for row, n in enumerate(batch.names) if row not in batch.reasons]
                    folders.add(known, batch.images, assigned.clusters, assigned.certainty)
                counts.update(assigned.clusters.tolist())
                counts[FAR] += 0 if assigned.far is None else int(assigned.far.sum())
                contrast = (data.border_brightness(images) - MIDDLE) * (run.border - MIDDLE)
                counts[REVERSED] += len(images) if contrast < -MIN_CONTRAST else 0
            progress.advance(task, len(batch.names))
    reasons = data.frequent_reasons(unread.values())
    if len(unread) == n_images:
        raise UserError(
            f"input={path}: no image can be read, {reasons or 'it is empty'}: type "
            "input=<a folder of pictures>."
        )
    counts[UNREADABLE] = len(unread)
    listed = f"{data.first_of([*unread])}; {reasons}; see the column `error` for all"
    could_not = [f"{len(unread):,} files or folders can't be read: {listed}"] if unread else []
    return counts, could_not + images_in.warnings()


def summary(counts: Counter[int | str], run: "LoadedRun", clusterer: str, *, invert: bool) -> str:
    """Return the sizes of the clusters as text, with advice if the backgrounds differ."""
    sizes = sorted((key, size) for key, size in counts.items() if isinstance(key, int))
    matching, total = run.matching(clusterer), sum(size for _, size in sizes)
    lines = [f"{total:,} images are assigned by {clusterer}, {counts[UNREADABLE]:,} unreadable."]
    for cluster, size in sizes:
        name = f" ({run.class_names[matching[cluster]]})" if cluster in matching else ""
        lines.append(f"  {'noise' if cluster < 0 else cluster}{name}: {size:,}")
    if counts[FAR]:
        lines.append(f"{counts[FAR]:,} images are far from all training images of the run.")
    if counts[REVERSED] > total / 2:
        background = "dark" if run.border < MIDDLE else "light"
        lines.append(
            f"The images of the run have a {background} background, and most of these images do "
            f"not: if dark and light are swapped, type invert={str(not invert).lower()}."
        )
    return "\n".join(lines)


main = command("assign", assign)

if __name__ == "__main__":
    main()
