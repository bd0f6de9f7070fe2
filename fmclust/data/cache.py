"""Keep decoded images that don't fit in memory for the next run on the same files."""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from fmclust.data.decoding import Decoded, decode
from fmclust.data.forms import Form
from fmclust.data.memory import empty_images
from fmclust.data.picture_files import PictureFile
from fmclust.data.scales import Scales

log = logging.getLogger(__name__)
FORMAT = 1  # of the files; to be raised when decoding changes


class ImageCache:
    """A file of images and one of what is known about them, named after their pictures.

    Args:
        folder: The folder of both.
        files: The pictures. They are the same if names, sizes and times of change are.
        form: What every picture becomes.
        scales: The known ranges of pixel types deeper than 8 bits.
    """

    def __init__(
        self, folder: Path, files: Sequence[PictureFile], form: Form, scales: Scales
    ) -> None:
        states = {path: _state_of(path) for path in {file.path for file in files}}
        known = [[f.name.as_posix(), f.member, f.page, *states[f.path]] for f in files]
        text = json.dumps([FORMAT, PIL.__version__, asdict(form), scales.ranges, known])
        name = f"fmclust-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self.files, self.images, self.facts = files, folder / f"{name}.u8", folder / f"{name}.json"

    def read(self) -> Decoded | None:
        """Return the images, mapped into memory, or None if they are not there."""
        with suppress(OSError, ValueError, KeyError, TypeError, IndexError):
            facts = json.loads(self.facts.read_text(encoding="utf-8"))
            shape = (len(facts["files"]), *facts["shape"])
            # Changes are not written to the file.
            images = np.memmap(self.images, np.uint8, "c", shape=shape)
            return Decoded(
                images,
                _scales(facts["scales"], self.files),
                [self.files[row] for row in facts["files"]],
                {self.files[int(row)]: why for row, why in facts["unreadable"].items()},
                [self.files[row] for row in facts["cut"]],
            )
        return None

    def write(self, decoded: Decoded, images: Path) -> None:
        """Keep images.

        Args:
            decoded: The images and what is known about them.
            images: The file that they are in; it is renamed.
        """
        row_of = {file: row for row, file in enumerate(self.files)}
        scales = decoded.scales
        facts: dict[str, Any] = {
            "shape": decoded.images.shape[1:],
            "files": [row_of[file] for file in decoded.files],
            "unreadable": {row_of[file]: why for file, why in decoded.unreadable.items()},
            "cut": [row_of[file] for file in decoded.cut],
            "scales": {
                "ranges": scales.ranges,
                "seen": {kind: (n, str(name)) for kind, (n, name) in scales.seen.items()},
                "found": {
                    kind: {str(name): limits for name, limits in of_files.items()}
                    for kind, of_files in scales.found.items()
                },
            },
        }
        images.replace(self.images)
        part = self.facts.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(self.facts)


def decode_cached(
    files: Sequence[PictureFile], form: Form, scales: Scales, *, title: str, folder: Path
) -> Decoded:
    """Decode pictures as `decode` does, or read what an earlier run has kept of the same files.

    Args:
        files: The pictures.
        form: What every picture becomes.
        scales: The known ranges of pixel types deeper than 8 bits.
        title: Text beside the bar of progress.
        folder: Folder for the images, which are kept if they don't fit in memory.
    """
    cache, made = ImageCache(folder, files, form, scales), list[Path]()
    if (kept := cache.read()) is not None:
        log.info("%s decoded images are read from %s", f"{len(kept.files):,}", cache.images)
        return kept

    def allocate(n: int, shape: Sequence[int]) -> NDArray[np.uint8]:
        images = empty_images(n, shape, folder, is_kept=True)
        if isinstance(images, np.memmap):
            made.append(Path(str(images.filename)))
        return images

    try:
        decoded = decode(files, form, scales, title=title, allocate=allocate)
        if isinstance(decoded.images, np.memmap):
            cache.write(decoded, made.pop())
    finally:
        for path in made:
            path.unlink()
    return decoded


def _state_of(path: Path) -> tuple[int, int]:
    """Return size in bytes and time of change in ns; zeros if the file has vanished."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _scales(facts: dict[str, Any], files: Sequence[PictureFile]) -> Scales:
    return Scales(
        {kind: (low, high) for kind, (low, high) in facts["ranges"].items()},
        files,
        {kind: (n, PurePath(name)) for kind, (n, name) in facts["seen"].items()},
        {
            kind: {PurePath(name): (low, high) for name, (low, high) in of_files.items()}
            for kind, of_files in facts["found"].items()
        },
    )
