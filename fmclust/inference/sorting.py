"""Sort images into a folder for each cluster, with a contact sheet of its typical members."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fmclust.data import printable
from fmclust.data.picture_files import PictureFile, archived_files
from fmclust.errors import require_empty

MAX_MEMBERS, N_COLUMNS = 100, 10  # of a contact sheet
MIN_SHOWN = 56  # pixels: minimum side of an image on a contact sheet
MAX_NAME = 200  # bytes; file systems allow 255
UNSAFE = re.compile(r"[^\w.+-]+")  # characters that a file system may refuse, or a shell read


class ClusterFolders:
    """Folders of images by cluster.

    Pictures of a folder become links to their files, or copies where links are impossible, and
    those of an archive are unpacked. Images from other sources become PNG files.

    Args:
        target: Folder of the folders; it must be empty or absent.
        pictures: Folder or archive that the names of pictures are relative to; None for other
            sources.
        title: Returns the name of a cluster by its id.
        has_sheets: Whether to write a contact sheet for each cluster.

    Raises:
        UserError: If the target is not empty.
    """

    def __init__(
        self, target: Path, pictures: Path | None, title: Callable[[int], str], *, has_sheets: bool
    ) -> None:
        require_empty(target)
        target.mkdir(parents=True, exist_ok=True)
        self.target, self.folder, self.title = target, pictures, title
        self.archived: dict[str, PictureFile] = {}
        if pictures is not None and pictures.is_file():
            files = archived_files(pictures)
            self.folder, self.archived = None, {file.name.as_posix(): file for file in files}
        self.has_sheets = has_sheets
        self._typical: dict[int, list[tuple[float, NDArray[np.uint8]]]] = defaultdict(list)
        self._folders: dict[int, Path] = {}

    def add(
        self,
        names: Sequence[str],
        images: NDArray[np.uint8],
        clusters: NDArray[np.int64],
        certainty: NDArray[np.floating] | None,
    ) -> None:
        """Sort some images.

        Args:
            names: Name of each image.
            images: uint8 array of shape (n, H, W) or (n, H, W, 3).
            clusters: int64 array of shape (n,).
            certainty: float array of shape (n,), how typical each image is; None if not known.
        """
        for name, image, cluster in zip(names, images, clusters.tolist(), strict=True):
            self._place(name, image, self._folder(cluster))
        ranks = np.zeros(len(names)) if certainty is None else certainty
        for cluster in np.unique(clusters).tolist() if self.has_sheets else ():
            rows = np.flatnonzero(clusters == cluster)
            best = rows[np.argsort(-ranks[rows], kind="stable")[:MAX_MEMBERS]]
            members = self._typical[cluster]
            members += [(float(ranks[row]), images[row].copy()) for row in best]
            members.sort(key=lambda member: -member[0])
            del members[MAX_MEMBERS:]

    def write_sheets(self) -> None:
        """Write the contact sheets, `<cluster>.png` beside the folders."""
        for cluster, members in self._typical.items():
            sheet = contact_sheet([image for _, image in members])
            sheet.save(self.target / f"{self._folder(cluster).name}.png")

    def _folder(self, cluster: int) -> Path:
        if cluster not in self._folders:
            name = shortened(UNSAFE.sub("_", printable(self.title(cluster))).rstrip("_"))
            self._folders[cluster] = self.target / name
            self._folders[cluster].mkdir()
        return self._folders[cluster]

    def _place(self, name: str, image: NDArray[np.uint8], folder: Path) -> None:
        """Link, copy or save an image; folders in its name become a part of the file's name."""
        file = None if self.folder is None else self.folder / name
        if file is not None and not file.exists():  # such as a page of a file
            file = None
        flat = name.replace("/", "__").replace("\\", "__")
        if file is None and name not in self.archived:
            flat = f"{flat}.png"
        path = folder / shortened(flat, keep_end=True)
        while path.is_symlink() or path.exists():  # writing would follow a link
            path = path.with_name(f"_{path.name}")
        if name in self.archived:
            path.write_bytes(self.archived[name].read())
        elif file is None:
            Image.fromarray(image).save(path)
        else:
            try:
                path.symlink_to(file)
            except (OSError, NotImplementedError):
                shutil.copyfile(file, path)


def shortened(name: str, *, keep_end: bool = False) -> str:
    """Return a file name of at most `MAX_NAME` bytes: its beginning, or its end with the ending."""
    raw = os.fsencode(name)
    cut = raw[-MAX_NAME:] if keep_end else raw[:MAX_NAME]
    return name if len(raw) <= MAX_NAME else cut.decode(errors="ignore")


def contact_sheet(images: Sequence[NDArray[np.uint8]]) -> Image.Image:
    """Return a picture of images in rows, enlarged by a whole number.

    Args:
        images: uint8 arrays of shape (H, W) or (H, W, 3).
    """
    height, width, *channels = images[0].shape
    scale = max(1, -(-MIN_SHOWN // max(height, width)))
    n_rows, gap = -(-len(images) // N_COLUMNS), 1
    cells = np.zeros((n_rows * N_COLUMNS, height + gap, width + gap, *channels), np.uint8)
    cells[: len(images), :height, :width] = images
    grid = cells.reshape(n_rows, N_COLUMNS, *cells.shape[1:]).swapaxes(1, 2)
    whole = grid.reshape(n_rows * (height + gap), -1, *channels)
    return Image.fromarray(whole.repeat(scale, axis=0).repeat(scale, axis=1))
