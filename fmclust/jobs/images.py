"""Note in a run what its images are, and what was left out."""

from fmclust.data import ImageSource, frequent_reasons, number_unlabelled
from fmclust.runs import UNREADABLE, Run, write_rows


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
