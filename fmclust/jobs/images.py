"""Open the images of a run again; note in a run what its images are, and what was left out."""

import os

from fmclust.data import ImageSource, build_source, frequent_reasons, number_unlabelled, sums_of
from fmclust.errors import UserError
from fmclust.inference import LoadedRun
from fmclust.runs import UNREADABLE, Run, write_rows


def images_of(run: LoadedRun, root: str | None) -> ImageSource:
    """Open the images of a finished run.

    Args:
        run: The run; its configuration gets the root.
        root: Where the images are now; None if they have not been moved.

    Raises:
        UserError: If they can't be read, or differ from those of the run.
    """
    if root is not None:
        run.config.data.root = os.path.abspath(root)
    source = build_source(run.config.data)
    if sums_of(source.splits) != run.sums:
        raise UserError(
            f"the images differ from those of {run.directory}: restore them, or type "
            "data.root=<where they are>."
        )
    return source


def note_numbers(run: Run, source: ImageSource) -> None:
    """Note the classes of a run, and how many images it has, by split and without a label."""
    run.facts["class_names"] = [*(source.class_names or ())]
    run.facts["images"] = {name: len(split) for name, split in source.splits.items()}
    run.facts["unlabelled"] = number_unlabelled(source.splits)


def note_images(run: Run, source: ImageSource) -> None:
    """Note what `note_numbers` does, the warnings of the source, and what was left out."""
    note_numbers(run, source)
    for warning in source.warnings:
        run.warn(warning)
    if reasons := source.unreadable.values():
        run.warn(f"{UNREADABLE} lists what was not read: {frequent_reasons(reasons)}")
    run.facts["unreadable"] = len(reasons)
    run.facts["ranges"] = {kind: [*limits] for kind, limits in source.ranges.items()}


def write_unreadable(run: Run, source: ImageSource) -> None:
    """Write unreadable.csv: `file` and `reason` of what could not be read, if there is any."""
    path = run.directory / UNREADABLE
    path.unlink(missing_ok=True)
    if source.unreadable:
        write_rows(path, [{"file": f, "reason": r} for f, r in sorted(source.unreadable.items())])
