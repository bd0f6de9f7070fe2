"""Which option of `data=` reads a path."""

from pathlib import Path

import pytest

from fmclust.data.kinds import option_for


@pytest.mark.parametrize(
    ("names", "option"),
    [
        (("a.ppm", "labels.csv"), "folder"),
        (("a.avif", "b.heic", "labels.csv"), "folder"),
        (("images_idx.txt", "a.png"), "folder"),
        (("images-idx0.png", "images-idx1.png"), "folder"),
        (("train-images-idx3-ubyte",), "idx"),
        (("train-images.idx3-ubyte.gz", "labels.csv"), "idx"),
        (("train.csv", "test.csv"), "table"),
        (("a.npz", "readme.txt"), "arrays"),
        (("notes.txt",), "folder"),
    ],
)
def test_a_folder_is_read_by_what_it_holds(
    names: tuple[str, ...], option: str, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert option_for(tmp_path) == option
