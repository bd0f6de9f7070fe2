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


def test_pictures_behind_links_count_and_hidden_ones_do_not(tmp_path: Path) -> None:
    for folder in ("real", "in/.hidden"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").touch()
    (tmp_path / "in" / "labels.csv").touch()
    assert option_for(tmp_path / "in") == "table"
    (tmp_path / "in" / "cats").symlink_to(tmp_path / "real")
    assert option_for(tmp_path / "in") == "folder"
