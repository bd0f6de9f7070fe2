"""Sort the images of a finished run into a folder for each cluster."""

from functools import partial
from pathlib import Path

from fmclust.data import ImageSource, PictureFolder, printable
from fmclust.inference import load_run
from fmclust.inference.sorting import ClusterFolders
from fmclust.jobs.images import images_of
from fmclust.runs import read_assigned


def sort_run(directory: Path, target: Path, *, has_sheets: bool, root: str | None = None) -> None:
    """Sort all images of a run by its first clusterer.

    Args:
        directory: The run directory.
        target: Folder of the folders; it must be empty or absent.
        has_sheets: Whether to write a contact sheet for each cluster.
        root: Where the images are now; None if they have not been moved.

    Raises:
        UserError: If the run has no clustering, its images have changed, or the target is not
            empty.
    """
    run = load_run(directory)
    name, source = run.clusterer_named(None), images_of(run, root)
    pictures = source.root if isinstance(source, PictureFolder) else None
    title = partial(run.cluster_title, name)
    folders = ClusterFolders(target, pictures, title, has_sheets=has_sheets)
    for split, found in read_assigned(run.folders[name], name).items():
        held = source.splits[split]
        names = [_path_of(source, name) for name in held.names]
        names = names or [f"{split}_{row}" for row in range(len(held))]
        images = held.pictures
        needs_distances = has_sheets and found.probability is None
        certainty = run.assign(images, name).certainty if needs_distances else found.probability
        folders.add(names, images, found.clusters, certainty)
    folders.write_sheets()


def _path_of(source: ImageSource, name: str) -> str:
    """Return the path of a picture, whose name may have signs instead of its bytes."""
    if isinstance(source, PictureFolder):
        path = str(source.places[name][0])
        return path if printable(path) == name else name  # such as a page of a file
    return name
