"""Picture files on disk, in archives, and the pages of one file."""

import io
import posixpath
import tarfile
import threading
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Protocol

import psutil

from fmclust.errors import reading

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_MEMBER = 1 << 28  # bytes of a file in an archive


@dataclass(frozen=True, order=True)
class PictureFile:
    """A file that may be a picture.

    Attributes:
        name: Path in the folder or the archive; a page of a file has its number in the name.
        path: The file on disk: the picture, or the archive.
        member: Name in the archive; empty for a file on disk.
        page: Number of the page, from 0.
        content: The bytes of the file, if they are in memory.
    """

    name: PurePath
    path: Path
    member: str = ""
    page: int = 0
    content: bytes | None = None

    @classmethod
    def of(cls, path: Path) -> "PictureFile":
        """Return a file on disk, named by its own name."""
        return cls(PurePath(path.name), path)

    @property
    def file_name(self) -> PurePath:
        """Path in the folder or the archive, without the number of a page."""
        below = self.member.replace("\\", "/") or self.path  # as Windows may pack it
        return self.name.with_name(PurePath(below).name)

    def open(self) -> Path | io.BytesIO:
        """Return what Pillow and pandas can open."""
        if self.content is None and not self.member:
            return self.path
        return io.BytesIO(self.read())

    def read(self, n: int = -1) -> bytes:
        """Return the first n bytes of the file, or all."""
        if self.content is None and not self.member:
            with self.path.open("rb") as file:
                return file.read(n)
        content = self.content
        if content is None:
            content = open_archive(self.path).read(self.member)
        return content if n < 0 else content[:n]


class Archive(Protocol):
    """Files in one file, any of which can be read at any time, from any thread."""

    def members(self) -> Iterable[str]:
        """Return the names of the files."""

    def read(self, member: str) -> bytes:
        """Return the content of a file; raise ValueError if it is larger than `MAX_MEMBER`."""


class _Zip:
    def __init__(self, path: Path) -> None:
        self._file = zipfile.ZipFile(path)  # kept open; reading locks it

    def members(self) -> list[str]:
        return [entry.filename for entry in self._file.infolist() if not entry.is_dir()]

    def read(self, member: str) -> bytes:
        _require_small(self._file.getinfo(member).file_size)
        return self._file.read(member)


class _Tar:
    """A tar file. If it is compressed, its files are kept in memory, since it can't be sought."""

    def __init__(self, path: Path) -> None:
        self._lock, self._contents = threading.Lock(), dict[str, bytes]()
        self._file = path.open("rb")
        self._places: dict[str, tuple[int, int]] = {}
        is_plain = path.suffix.lower() == ".tar"
        budget = psutil.virtual_memory().available // 2
        with tarfile.open(path, "r:" if is_plain else "r:*") as tar:
            links = dict[str, str]()
            for entry in tar:
                if entry.islnk() or entry.issym():  # hard links name a path from the archive's root
                    above = "" if entry.islnk() else posixpath.dirname(entry.name)
                    links[entry.name] = posixpath.normpath(posixpath.join(above, entry.linkname))
                if not entry.isfile():
                    continue
                self._places[entry.name] = (entry.offset_data, entry.size)
                if not is_plain and entry.size <= MAX_MEMBER:
                    budget -= entry.size
                    if budget < 0:
                        raise ValueError("it is too large to be read without unpacking it")
                    held = tar.extractfile(entry)
                    self._contents[entry.name] = b"" if held is None else held.read()
            if is_plain and path.stat().st_size < tar.offset + tarfile.BLOCKSIZE:
                raise ValueError("its end is missing")  # a block of zeros, at least
        for name, target in links.items():
            if target in self._places:
                self._places[name] = self._places[target]
            if target in self._contents:
                self._contents[name] = self._contents[target]

    def members(self) -> list[str]:
        return [*self._places]

    def read(self, member: str) -> bytes:
        place, size = self._places[member]
        _require_small(size)
        if member in self._contents:
            return self._contents[member]
        with self._lock:
            self._file.seek(place)
            return self._file.read(size)


def is_archive(path: Path) -> bool:
    """Return whether a path is named like an archive that can be read."""
    return path.name.lower().endswith(ARCHIVES)


def name_of_folder(path: Path) -> str:
    """Return the name of a folder, or of an archive without its ending."""
    endings = (ending for ending in ARCHIVES if path.name.lower().endswith(ending))
    return path.name[: -len(ending)] if (ending := max(endings, key=len, default="")) else path.name


def archived_files(path: Path) -> list[PictureFile]:
    """Return the files in an archive, sorted by name; hidden ones are left out.

    Raises:
        UserError: If the archive is damaged.
    """
    with reading(path):
        members = open_archive(path).members()
        named = {member: PurePosixPath(member.replace("\\", "/").lstrip("/")) for member in members}
    files = [PictureFile(PurePath(name), path, member) for member, name in named.items()]
    return sorted(file for file in files if not any(p.startswith(".") for p in file.name.parts))


def open_archive(path: Path) -> Archive:
    """Open an archive, which stays open for reading.

    Raises:
        UserError: If it is damaged.
    """
    with reading(path):
        return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _opened(path: Path, _changed: int) -> Archive:
    return _Zip(path) if path.suffix.lower() == ".zip" else _Tar(path)


def _require_small(size: int) -> None:
    if size > MAX_MEMBER:
        raise ValueError(f"{size:,} bytes are too many for a picture")
