"""Assign new images to the clusters of a finished run; write a table with a row for each.

`python -m fmclust.assign run=<directory> input=<images> output=<csv>`
"""

import shlex
import shutil
import sys
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.config.schema import sort_target
from fmclust.errors import UserError, complain, require_bool, require_extra, require_option

if TYPE_CHECKING:
    from fmclust.data import Input
    from fmclust.inference import LoadedRun
    from fmclust.inference.sorting import ClusterFolders

UNREADABLE, FAR, REVERSED = "unreadable", "far", "reversed"  # counted like the cluster ids


def assign(config: DictConfig) -> None:
    """Assign every image of the input; write the table and print a summary."""
    require_bool("strict", config.strict)
    if config.invert is not None:
        require_bool("invert", config.invert)
    require_option("engine", config.engine, ("local", "spark"))
    if config.engine == "spark":
        assign_on_spark(config)
    else:
        assign_here(config)


def assign_here(config: DictConfig) -> None:
    """Assign by this process."""
    output = Path(str(config.output)).absolute()
    if output.exists():
        raise UserError(f"output={output} exists already: type output=<a new file>.")
    if output.suffix.lower() not in ("", ".csv", ".txt", ".parquet"):
        typed = shlex.quote(f"output={Path(str(config.output)).with_suffix('.csv')}")
        raise UserError(f"output={output.name} would hold a table in CSV: type {typed}.")
    if output.suffix.lower() == ".parquet":
        require_extra(f"output={output.name}", "parquet", "pyarrow")
    images = Path(str(config.input)).absolute()
    sort_into = sort_target(config, images)

    # These import torch, which `--help` doesn't need.
    from fmclust import inference, runs
    from fmclust.inference.sorting import ClusterFolders
    from fmclust.jobs.threads import limited_threads

    with limited_threads(config.threads):
        run = inference.load_run(str(config.run))
        name = run.clusterer_named(config.clusterer)
        invert = swaps_brightness(config, run)
        images_in, folders = run.open_input(images), None
        if sort_into is not None:
            title = partial(run.cluster_title, name)
            sheets = bool(config.contact_sheets)
            folders = ClusterFolders(sort_into, images_in.folder, title, has_sheets=sheets)
        with runs.full_disk_as_user_error(output.parent), runs.replacing(output) as part:
            counts = assign_all(images_in, part, run, name, folders, invert=invert)
            if folders is not None:
                folders.write_sheets()
    print(summary(counts, run, name, invert=invert))
    for warning in images_in.warnings():
        print(f"Warning: {warning}.")
    print(output)
    if sort_into is not None:
        print(sort_into)
    require_readable(config, counts)


def assign_on_spark(config: DictConfig) -> None:
    """Assign by the workers of Apache Spark."""
    if config.sort_into is not None:
        raise UserError("engine=spark does not sort pictures: type sort_into=null.")
    from fmclust import inference
    from fmclust.data import frequent_reasons
    from fmclust.spark import assigning, paths, pictures, session
    from fmclust.spark.progress import tasks_shown

    settings = session.SparkSettings.of(config.spark)
    images, output = (paths.absolute(str(config[key])) for key in ("input", "output"))
    if Path(output).exists():
        raise assigning.already_there(output)
    run = inference.load_run(str(config.run))
    name = run.clusterer_named(config.clusterer)
    invert = swaps_brightness(config, run)
    assigner = assigning.Assigner.of(run, name, invert=invert)
    log = run.directory / session.LOG
    with ExitStack() as unfinished, session.spark_session(settings, log) as spark:
        unfinished.callback(shutil.rmtree, output, ignore_errors=True)  # once Spark has stopped
        rows = pictures.open_rows(spark, images, exclude=run.excluded, id_column=config.spark.id)
        with tasks_shown(spark, "Assigning images"):
            notes = assigning.assign_rows(rows, assigner, output)
        unfinished.pop_all()
        sizes, n_far, reasons = assigning.count_rows(spark, output)
    counts: Counter[int | str] = Counter(
        {UNREADABLE: reasons.total(), FAR: n_far, REVERSED: notes.n_other_background}
    )
    counts.update(sizes)
    print(summary(counts, run, name, invert=invert))
    if reasons:
        print(f"Warning: unreadable: {frequent_reasons(reasons.elements())}.")
    for warning in notes.warnings():
        print(f"Warning: {warning}.")
    print(output)
    if not sizes:
        raise UserError(f"input={images}: no image can be read: type input=<a folder of pictures>.")
    require_readable(config, counts)


def swaps_brightness(config: DictConfig, run: "LoadedRun") -> bool:
    """Return whether to swap dark and light: as typed, or else as the run did."""
    typed = config.invert
    return bool(run.config.data.get("invert") if typed is None else typed)


def require_readable(config: DictConfig, counts: Counter[int | str]) -> None:
    """Exit with an error if an image is unreadable and `strict` is true."""
    if config.strict and counts[UNREADABLE]:
        sys.exit(complain(f"{counts[UNREADABLE]} images are unreadable.", FAILED_JOBS))


def assign_all(
    images_in: "Input",
    output: Path,
    run: "LoadedRun",
    clusterer: str,
    folders: "ClusterFolders | None",
    *,
    invert: bool,
) -> Counter[int | str]:
    """Write a row for every image, batch after batch.

    Returns:
        Cluster id to number of images, and the numbers of images that are `UNREADABLE`, `FAR`
        from the training images, or `REVERSED`: on the opposite background.

    Raises:
        UserError: If no image can be read.
    """
    from rich.progress import Progress

    from fmclust.inference.tables import table_writer, to_table

    counts: Counter[int | str] = Counter()
    with table_writer(output) as write, Progress() as progress:
        n_images = images_in.n_images
        task = progress.add_task(f"Assigning {n_images:,} images", total=n_images)
        for batch in images_in.read():
            images = 255 - batch.images if invert else batch.images
            assigned = run.assign(images, clusterer) if len(images) else None
            write(to_table(batch.names, batch.reasons, assigned, run.class_names))
            if assigned is not None:
                if folders is not None:
                    known = [n for row, n in enumerate(batch.names) if row not in batch.reasons]
                    folders.add(known, batch.images, assigned.clusters, assigned.certainty)
                counts.update(assigned.clusters.tolist())
                counts[FAR] += 0 if assigned.far is None else int(assigned.far.sum())
                counts[REVERSED] += len(images) if run.has_other_background(images) else 0
            progress.advance(task, len(batch.names))
    counts[UNREADABLE] = len(images_in.unread)
    return counts


def summary(counts: Counter[int | str], run: "LoadedRun", clusterer: str, *, invert: bool) -> str:
    """Return the sizes of the clusters as text, with advice if the backgrounds differ."""
    sizes = sorted((key, size) for key, size in counts.items() if isinstance(key, int))
    matching, total = run.matching(clusterer), sum(size for _, size in sizes)
    where = " (see the column error)" if counts[UNREADABLE] else ""
    lines = [
        f"{total:,} images are assigned by {clusterer}, {counts[UNREADABLE]:,} unreadable{where}."
    ]
    for cluster, size in sizes:
        name = f" ({run.class_names[matching[cluster]]})" if cluster in matching else ""
        lines.append(f"  {'noise' if cluster < 0 else cluster}{name}: {size:,}")
    if counts[FAR]:
        lines.append(
            f"{counts[FAR]:,} images are marked as far: unlike nearly all training images."
        )
    if counts[REVERSED] > total / 2:
        background = "dark" if run.is_dark else "light"
        lines.append(
            f"The images of the run have a {background} background, and most of these images do "
            f"not: if dark and light are swapped, type invert={str(not invert).lower()}."
        )
    return "\n".join(lines)


main = command("assign", assign)

if __name__ == "__main__":
    main()
