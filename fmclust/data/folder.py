"""The user's pictures in a folder."""

import logging
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePath

import numpy as np
import torch

from fmclust.data.cache import decode_cached
from fmclust.data.class_folders import Names, SplitFolders, class_folders, split_named
from fmclust.data.decoding import Decoded, decode
from fmclust.data.forms import Form, both_sides
from fmclust.data.kinds import other_option, unfit
from fmclust.data.label_tables import LabelTable, find_label_tables
from fmclust.data.labels import named_classes
from fmclust.data.listing import exclude_patterns, list_files
from fmclust.data.opening import (
    MAX_PIXELS,
    first_of,
    frequent_reasons,
    printable,
    warnings_about_cut,
)
from fmclust.data.picture_files import PictureFile, is_archive, name_of_folder
from fmclust.data.pictures import with_pages
from fmclust.data.scales import Scales, valid_range
from fmclust.data.sources import ImageSource
from fmclust.data.splits import SPLITS, Split, complete, random_order, without_empty_labels
from fmclust.errors import UserError, require_bool, require_option

MIN_PICTURES = 10  # at least one each for val and test
log = logging.getLogger(__name__)


class PictureFolder(ImageSource):
    """Pictures in a folder; if all of them are in sub-folders, the sub-folders are the classes.

    Every picture is decoded once, into an image of one size (`pictures.read_in_order`). Pictures
    deeper than 8 bits are read once more, to find the range by which all of them are scaled. Files
    that are not readable as pictures are left out, with a warning. The pictures are shuffled in an
    order that depends only on the file names; the first eight tenths are train, the next tenth is
    val and the last is test. If there are folders named `train` and `test` (or `val`), the split is
    theirs, the classes are the folders in them, and a split that is missing is a tenth of `train`.

    Args:
        root: The folder, searched recursively and through links, or an archive (.zip, .tar and
            compressed .tar), which is not unpacked.
        image_size: Height and width in pixels, or one number for both; 8 to 256.
        color: Whether the images are `gray` or `rgb`; `auto` is `rgb` if any picture has colour.
        fit: How pictures of another shape are fitted; see `Form`.
        background: Name of the colour behind transparent pixels, and of padding.
        invert: Whether to swap dark and light, for dark pictures on a light background.
        scale: The values of pixels deeper than 8 bits that become 0 and 255. None: the minimum
            and the maximum over all files, for integers and floats separately.
        max_pixels: Maximum number of pixels of a picture, which bounds the memory. A JPEG file with
            more is decoded at a reduced size; other files with more are left out.
        pages: Whether `all` pages of a TIFF file are pictures, or the `first`.
        exclude: Patterns of files and folders to leave out, or one of them.
        labels: CSV file with a column of files (`file`, `filename`, `file_name`, `image` or `path`)
            and a column `label` or `class`. None: the one such file in the folder, if there is
            exactly one; otherwise the sub-folders are the classes.
        cache: Folder for a file of the decoded images, used if they need more than half of the
            free memory, and kept for the next run on the same files. None: the system's temporary
            folder, and the file is not kept.

    Raises:
        UserError: If the folder does not exist, or an argument is out of range.
    """

    def __init__(
        self,
        *,
        root: str,
        image_size: int | Sequence[int] = 28,
        color: str = "gray",  # as in runs that were made before there were colours
        fit: str = "stretch",
        background: str = "white",
        invert: bool = False,
        scale: Sequence[float] | None = None,
        max_pixels: int = MAX_PIXELS,
        pages: str = "all",
        exclude: str | Sequence[str] | None = None,
        labels: str | None = None,
        cache: str | None = None,
    ) -> None:
        super().__init__()
        require_bool("data.invert", invert)
        self.root = Path(root)
        size = both_sides(image_size)
        self.form = Form(size, color, fit, background, max_pixels, invert=invert)
        require_option("data.pages", pages, ("all", "first"))
        self.pages = pages
        self.exclude = exclude_patterns(exclude)
        self.scales = Scales.of(None if scale is None else valid_range("data.scale", scale))
        self.cache = None if cache is None else Path(cache)
        file = None if labels is None else PictureFile.of(Path(labels))
        self.places: dict[str, tuple[PurePath, int]] = {}  # name of a picture to path and page
        self.table = None if file is None else LabelTable.read(file)
        self.names_table = file is not None  # otherwise one in the folder is used
        if not (self.root.is_dir() or (self.root.is_file() and is_archive(self.root))):
            raise unfit(self.root, "folder", "a folder", "data.root=<the folder of pictures>")

    def read(self) -> dict[str, Split]:
        """Decode the pictures; see `ImageSource.read`."""
        found = list_files(self.root, self.exclude)
        self.warnings += found.warnings()
        # Sorted by name, not by path: the splits must not depend on the sub-folders, the labels.
        files = sorted(self._without_tables(found.files), key=lambda file: file.name.name)
        files = with_pages(files, self.form.max_pixels) if self.pages == "all" else files
        self.places = {printable(file.name): (file.file_name, file.page) for file in files}
        order = random_order(len(files))
        folders = SplitFolders.of([file.name for file in files])
        split_of = self._split_of([files[row] for row in order], folders)
        decoded = self._decode(sorted(split_of, key=lambda f: SPLITS.index(split_of[f])))
        readable = decoded.files
        self._note_unreadable(found.unreadable, n_files=len(split_of))
        members = {name: [p for p in readable if split_of[p] == name] for name in SPLITS}
        if len(members["train"]) < MIN_PICTURES:
            raise UserError(self._too_few(len(members["train"])))
        below = {
            name: [folders.below(file.name) for file in of_split]
            for name, of_split in members.items()
            if of_split
        }
        labels = {} if self.table is None else self._labels_of(self.table, members)
        if not labels and not self.names_table:
            labels = self._labels(below)
        splits, start = {}, 0
        for name in below:
            end = start + len(members[name])
            held = torch.from_numpy(decoded.images[start:end])
            splits[name] = Split(held, labels.get(name), [printable(f.name) for f in members[name]])
            start = end
        splits = complete(splits)
        return {name: without_empty_labels(split) for name, split in splits.items()}

    def rank(self, name: str) -> tuple[PurePath, int]:
        """Return the path of a picture and its page; see `ImageSource.rank`."""
        return self.places[name]

    def _without_tables(self, files: Sequence[PictureFile]) -> list[PictureFile]:
        """Return the files without the table of labels, which is read if there is exactly one."""
        tables = find_label_tables(files)
        if self.table is None and len(tables) == 1:
            try:
                self.table = LabelTable.read(tables[0])
            except UserError as error:
                self.warnings.append(f"a table of labels is not used: {error}")
        elif self.table is None and tables:
            example = shlex.quote(printable(f"data.labels={tables[0].path}"))
            cure = "unpack one of them" if tables[0].member else f"type {example}, for example"
            self.warnings.append(f"{len(tables)} tables of labels are not used: {cure}")
        return [file for file in files if file not in tables]

    def _labels_of(
        self, table: LabelTable, members: Mapping[str, Sequence[PictureFile]]
    ) -> dict[str, torch.Tensor]:
        """Set `class_names` from a table; return the labels of each split, int64 (N,).

        Nothing is set or returned if it labels no picture.
        """
        paths = {
            split: [file.file_name.as_posix() for file in files]
            for split, files in members.items()
            if files
        }
        label_of, shared = table.of(chain(*paths.values()), name_of_folder(self.root))
        texts = {
            split: np.array([label_of[p] for p in of_split]) for split, of_split in paths.items()
        }
        if shared:
            self.warnings.append(
                f"{table.path.name} has {len(shared):,} rows that label several pictures each: "
                f"{first_of(shared[0])}"
            )
        names, classes = named_classes(texts, None, str(table.path))
        self.class_names = tuple(map(printable, names)) or None
        labelled = {
            file.file_name
            for split, ids in classes.items()
            for file, number in zip(members[split], ids.tolist(), strict=True)
            if number >= 0
        }
        log.info("%s labels %s files", table.path.name, f"{len(labelled):,}")
        if (unused := len(table.labels) - len(labelled)) > 0:
            self.warnings.append(
                f"{table.path.name} has {unused:,} rows that label no picture: their files are "
                "not there, or have a name with several labels"
            )
        return {split: torch.from_numpy(ids) for split, ids in classes.items()} if labelled else {}

    def _split_of(
        self, files: Sequence[PictureFile], folders: SplitFolders
    ) -> dict[PictureFile, str]:
        """Map each file to its split; leave out those beside the folders of the splits."""
        split_of, beside = {}, Counter[str]()
        for file in files:
            if (split := folders.split_of(file.name)) is not None:
                split_of[file] = split
            else:
                beside[file.name.parts[: folders.depth + 1][-1]] += 1
        if beside:
            named = first_of(sorted(beside))
            places = " and ".join(map(printable, folders.splits))
            self.warnings.append(
                f"files left out: {beside.total():,}, beside the folders {places}, which are used "
                f"as the splits: {named}"
            )
        return split_of

    def _decode(self, files: list[PictureFile]) -> Decoded:
        """Decode the pictures, and note what is unreadable, cut, or scaled."""
        title = "Decoding pictures"
        if self.cache is None:
            decoded = decode(files, self.form, self.scales, title=title)
        else:
            decoded = decode_cached(files, self.form, self.scales, title=title, folder=self.cache)
        self.in_memory = not isinstance(decoded.images, np.memmap)
        self.scales = decoded.scales
        self.ranges = self.scales.used()
        if self.scales.ranges and not self.ranges:
            self.warnings.append("data.scale is not used: the values of 8-bit pictures are kept")
        self.unreadable |= {printable(f.name): why for f, why in decoded.unreadable.items()}
        self.warnings += warnings_about_cut([printable(file.name) for file in decoded.cut])
        self.warnings += self.scales.warnings(self.scales.advice())
        return decoded

    def _note_unreadable(self, folders: Mapping[PurePath, str], n_files: int) -> None:
        """Warn about unreadable files and folders; add the folders to `unreadable`."""
        if bad := [*self.unreadable]:
            share = f"{len(bad):,} of {n_files:,} files are not readable pictures"
            self.warnings.append(f"{share}: {first_of(bad)}")
        if folders:
            names = {printable(name): reason for name, reason in folders.items()}
            reasons = frequent_reasons(names.values())
            share = f"folders and links that can't be opened: {len(names):,}"
            self.warnings.append(f"{share}, {first_of([*names])}; {reasons}")
            self.unreadable |= names

    def _too_few(self, n: int) -> str:
        """Return an error message about a folder with too few pictures."""
        found = f"{n:,} readable pictures to train on, at least {MIN_PICTURES} are needed"
        reasons = frequent_reasons(self.unreadable.values())
        unread = f" (left out: {reasons})" if reasons else ""
        cure = other_option(self.root, "folder", "data.root=<another folder>")
        return f"{self.root} holds {found}{unread}: type {cure}."

    def _labels(self, below: Mapping[str, Sequence[Names]]) -> dict[str, torch.Tensor]:
        """Set `class_names`; return the labels of each split that has classes, int64 (N,).

        Args:
            below: Split to the names on the path of each picture, below the folder of the split.
        """
        folders: dict[str, list[str]] = {}
        known: set[str] = set()
        for split, paths in below.items():
            found = class_folders(paths, known)
            outside = found.count("")
            if not outside:
                folders[split] = found
                known |= {*found}
            elif outside < len(found):
                where = self.root if len(below) == 1 else f"{self.root}, split {split},"
                reason = f"because {outside} pictures are beside them"
                self.warnings.append(f"the folders in {where} are not used as classes, {reason}")
        n_pictures = sum(map(len, folders.values()))
        if len(known) < 2:
            return {}
        if 2 * len(known) > n_pictures:
            share = f"{len(known):,} folders hold {n_pictures:,} pictures"
            self.warnings.append(f"the folders are not used as classes: {share}")
            return {}
        if named := sorted(name for name in known if split_named(name)):
            self.warnings.append(
                f"all folders are classes, {first_of(named)} too: for splits, leave out the others "
                "by data.exclude="
            )
        self.class_names = tuple(map(printable, sorted(known)))
        number = {name: label for label, name in enumerate(sorted(known))}
        return {split: torch.tensor([number[n] for n in found]) for split, found in folders.items()}
