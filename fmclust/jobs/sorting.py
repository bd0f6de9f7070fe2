"""Sort the images of a finished run into a folder for each cluster."""

from functools import partial
from pathlib import Path

from fmclust.data import PictureFolder, build_source
from fmclust.inference import load_run
from fmclust.inference.sorting import ClusterFolders
from fmclust.runs import read_assigned


def sort_run(directory: Path, target: Path, *, has_sheets: bool) -> None:
    """Sort all images of a run by its first clusterer.

    Args:
        directory: The run directory.
        target: Folder of the folders; it must be empty or absent.
        has_sheets: Whether to write a contact sheet for each cluster.

    Raises:
        UserError: If the run has no clustering, or the target is not empty.
    """
    run = load_run(directory)
    name, source = run.clusterer_named(None), build_source(run.config.data)
    pictures = source.root if isinstance(source, PictureFolder) else None
    title = partial(run.cluster_title, name)
    folders = ClusterFolders(target, pictures, title, has_sheets=has_sheets)
    for split, found in read_assigned(run.folders[name], name).items():
        held = source.splits[split]
        names = held.names or [f"{split}_{row}" for row in range(len(held))]
        images = held.pictures
        needs_distances = has_sheets and found.probability is None
        certainty = run.assign(images, name).certainty if needs_distances else found.probability
        folders.add(names, images, found.clusters, certainty)
    folders.write_sheets()
