"""List the files below a folder; leave out masks, generated thumbnails and excluded files."""

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from fmclust.data.opening import reason_of
from fmclust.data.picture_files import PictureFile, archived_files
from fmclust.errors import UserError

# Names of generated folders and files beside pictures, in lower case.
GENERATED = {
    *("@eadir", ".thumbnails", ".@__thumb", "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"),
    *("#recycle", "@recycle", "$recycle.bin", "lost+found", "system volume information"),
}
# Folders of pictures, and folders beside them that say what is in the pictures.
PICTURES = {"images", "image", "imgs", "img", "jpegimages"}
TARGETS = {
    *("mask", "masks", "label", "labels", "annotation", "annotations", "segmentation"),
    *("segmentations", "segmentationclass", "segmentationobject", "gt", "ground_truth"),
}
RUN_FILES, SWEEP_FILE = ("config.yaml", "overrides.yaml"), "jobs.csv"  # of earlier runs
TARGET_FILE = re.compile(r"(.+)[ _-](?:mask|seg|segmentation)(?:[ _-]?\d+)?", re.IGNORECASE)


@dataclass
class Listing:
    """The files below a folder or in an archive.

    Attributes:
        files: The files to read, sorted by name.
        unreadable: Name of a folder that can't be opened, or of something else that is not a
            file, to the reason.
        left_out: Reason to the number of files that are left out for it.
        unmatched: The patterns of `exclude` that match no file.
    """

    files: list[PictureFile] = field(default_factory=list)
    unreadable: dict[PurePath, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unmatched: list[str] = field(default_factory=list)

    def warnings(self) -> list[str]:
        """Return sentences about what was left out."""
        left_out = [f"files left out: {n:,}, {why}" for why, n in sorted(self.left_out.items())]
        return left_out + [f"data.exclude={text} matches no file" for text in self.unmatched]


def exclude_patterns(exclude: object) -> list[str]:
    """Return the value of `data.exclude` as a list.

    Raises:
        UserError: If it is neither text nor a list of texts.
    """
    found = [] if exclude is None else [exclude] if isinstance(exclude, str) else exclude
    if isinstance(found, Sequence) and all(isinstance(text, str) and text for text in found):
        return [*found]
    raise UserError(
        f"data.exclude={exclude} is not a pattern: type 'data.exclude=*_mask.png', for example."
    )


def list_files(root: Path, exclude: Sequence[str] = ()) -> Listing:
    """List the files below a folder, or in an archive, without hidden ones.

    Links to folders are followed, but no folder is read twice. Three kinds of files are left out:
    generated ones, such as thumbnails; masks and annotations beside pictures; excluded ones.

    Args:
        root: The folder or the archive.
        exclude: Patterns as of a shell (`*`, `?`, `[abc]`), compared with the path relative to
            `root`, with that of every folder on it, and with every name on it.

    Raises:
        UserError: If it can't be opened.
    """
    if root.is_file():
        files, unreadable = archived_files(root), dict[PurePath, str]()
    else:
        files, unreadable = _files_below(root)
    left_out_by = _Rules([file.name for file in files], exclude)
    found = Listing()
    for file in files:
        if (reason := left_out_by.why(file.name)) is None:
            found.files.append(file)
        else:
            found.left_out[reason] += 1
    found.unreadable = {n: text for n, text in unreadable.items() if left_out_by.why(n) is None}
    found.unmatched = [p for p in exclude if p not in left_out_by.matched]
    return found


def left_out(names: Collection[PurePath], exclude: Sequence[str]) -> dict[PurePath, str]:
    """Return the files that `list_files` would leave out, with the reasons.

    Args:
        names: The paths of all files, relative to their root.
        exclude: The patterns of the user; see `list_files`.
    """
    rules = _Rules(names, exclude)
    return {name: why for name in names if (why := rules.why(name)) is not None}


class _Rules:
    """Find out why a file is left out.

    Args:
        files: The paths of all files, relative to their root.
        exclude: The patterns of the user.
    """

    def __init__(self, files: Collection[PurePath], exclude: Sequence[str]) -> None:
        self.exclude = {text: _plain(text) for text in exclude}
        self.matched: set[str] = set()
        self.stems = {(path.parent, path.stem) for path in files}
        folders = {folder for path in files for folder in path.parents}
        beside_pictures = {f.parent for f in folders if f.name.lower() in PICTURES}
        self.targets = {
            f for f in folders if f.name.lower() in TARGETS and f.parent in beside_pictures
        }
        there = {*files}
        runs = {f for f in folders if all(f / name in there for name in RUN_FILES)}
        self.runs = runs | {f.parent for f in runs if f.parent / SWEEP_FILE in there}
        self._of_folders: dict[PurePath, str | None] = {PurePath(): None}

    def why(self, path: PurePath) -> str | None:
        """Return the end of a sentence, or None if a file is not left out."""
        if reason := self._why_folder(path.parent) or self._why_here(path):
            return reason
        stem = TARGET_FILE.fullmatch(path.stem)
        if stem and (path.parent, stem[1]) in self.stems:
            return "named as masks of the pictures beside them"
        return None

    def _why_folder(self, folder: PurePath) -> str | None:
        """Return why all files below a folder are left out."""
        if folder not in self._of_folders:
            reason = self._why_folder(folder.parent) or self._why_here(folder)
            if reason is None and folder in self.targets:
                reason = f"in folders named {folder.name}, beside those of the pictures"
            if reason is None and folder in self.runs:
                reason = "in runs of fmclust"
            self._of_folders[folder] = reason
        return self._of_folders[folder]

    def _why_here(self, path: PurePath) -> str | None:
        """Return why a file or a folder is left out by its own path and name."""
        for text, pattern in self.exclude.items():
            if fnmatchcase(path.as_posix(), pattern) or fnmatchcase(path.name, pattern):
                self.matched.add(text)
                return f"excluded by data.exclude={text}"
        return f"generated ({path.name})" if path.name.lower() in GENERATED else None


def _plain(pattern: str) -> str:
    """Return a pattern without a leading `./` or `**/` and a trailing `/`, which change nothing."""
    return pattern.rstrip("/").removeprefix("./").removeprefix("**/")


def _files_below(root: Path) -> tuple[list[PictureFile], dict[PurePath, str]]:
    """Return the files below a folder, and what can't be opened with the reasons."""
    paths, unreadable = walk(root)
    if root in unreadable:
        raise UserError(f"{root} can't be opened: {unreadable[root]}. Change its permissions.")
    files = [PictureFile(PurePath(path.relative_to(root)), path) for path in paths]
    return files, {path.relative_to(root): reason for path, reason in unreadable.items()}


def walk(root: Path) -> tuple[list[Path], dict[Path, str]]:
    """Return the files below a folder, sorted, and what can't be opened with the reasons."""
    files: list[Path] = []
    unreadable: dict[Path, str] = {}
    visited: set[tuple[int, int]] = set()
    folders, links = [root], list[Path]()  # links last: their targets may lie in the folders
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        try:
            place = folder.stat()
            if (place.st_dev, place.st_ino) in visited:
                continue
            visited.add((place.st_dev, place.st_ino))
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    _sort(entry, folder / entry.name, files, folders, links, unreadable)
        except OSError as error:
            unreadable[folder] = reason_of(error)
    return sorted(files), unreadable


def _sort(
    entry: os.DirEntry[str],
    path: Path,
    files: list[Path],
    folders: list[Path],
    links: list[Path],
    unreadable: dict[Path, str],
) -> None:
    """Add an entry of a folder to the list that it belongs to; hidden ones to none."""
    if entry.name.startswith(".") and entry.name.lower() not in GENERATED:
        return
    try:
        if entry.is_dir():
            (links if entry.is_symlink() else folders).append(path)
        elif entry.is_file():
            files.append(path)
        else:
            path.stat()  # raises where a link leads nowhere
            unreadable[path] = "not a regular file"
    except OSError as error:
        unreadable[path] = reason_of(error)
