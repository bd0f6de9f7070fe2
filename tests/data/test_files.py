"""Idx parsing and the verification of Fashion-MNIST's files."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import idx
from hypothesis import given
from hypothesis import strategies as st

from fmclust.data import mnist_family
from fmclust.data.idx import PIECE, parse_idx, read_bytes, read_idx
from fmclust.errors import UserError


def test_arrays_come_back_as_written(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(images)))
    np.testing.assert_array_equal(parse_idx(read_bytes(path), "images"), images)


def test_a_header_that_promises_more_than_the_file_holds_is_refused():
    lying = bytes([0, 0, 8, 1]) + np.array([2**32 - 1], ">u4").tobytes() + b"\1"
    with pytest.raises(UserError, match="promises 4294967295 bytes"):
        parse_idx(lying, "lying")


@given(st.binary(max_size=40))
def test_any_bytes_parse_or_are_refused_for_people(raw):
    try:
        parse_idx(raw, "some")
    except UserError as error:
        assert "some" in str(error)


@pytest.mark.parametrize(
    ("promised", "held"), [((2**32 - 1,) * 3, 64), ((1, 8, 8), 1 << 27), ((1, 8, 8), 63)]
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_no_more_is_read_than_is_promised_and_there(promised, held, suffix, tmp_path):
    """A header that lies takes no memory, nor does a file that inflates to far more."""
    content = bytes([0, 0, 8, 3]) + np.array(promised, ">u4").tobytes() + bytes(held)
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    tracemalloc.start()
    with pytest.raises(UserError, match="promises .*(but holds|times its size)"):
        read_idx(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * PIECE


def test_a_bomb_with_an_honest_header_is_refused_before_it_unfolds(tmp_path):
    shape = np.array([1 << 15, 64, 64], ">u4")
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + shape.tobytes() + bytes(1 << 27)))
    with pytest.raises(UserError, match="promises 134217728 bytes.*: decompress it"):
        read_idx(path)


def test_a_damaged_gzip_is_named(tmp_path):
    path = tmp_path / "broken.gz"
    path.write_bytes(gzip.compress(b"0" * 1000)[:-6])
    with pytest.raises(UserError, match="broken.gz can't be read"):
        read_bytes(path)


def test_gzip_that_does_not_inflate_is_named(tmp_path):
    path = tmp_path / "broken.gz"
    packed = gzip.compress(b"0" * 1000)
    path.write_bytes(packed[:10] + b"\xff" * 6 + packed[16:])
    with pytest.raises(UserError, match="broken.gz can't be read"):
        read_bytes(path)


def test_a_file_of_other_content_is_refused_with_both_checksums(tmp_path):
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name in mnist_family.SHA256:
        (folder / name).write_bytes(idx(np.zeros((2, 28, 28))))
    assert mnist_family.find_folder(tmp_path) == folder
    with pytest.raises(UserError, match="train-images-idx3-ubyte is damaged.*expected c59f468a"):
        mnist_family.read_verified(folder)


@pytest.mark.real
def test_the_real_files_verify_and_split_as_in_the_paper():
    folder = mnist_family.find_folder(Path("data"))
    assert folder is not None, "type make data"
    arrays = mnist_family.read_verified(folder)
    assert arrays["train-images-idx3-ubyte"].shape == (60000, 28, 28)
    # Row sums of the paper's 5,000-image matrices: the last 5,000 of the official test file.
    counts = np.bincount(arrays["t10k-labels-idx1-ubyte"][-5000:])
    assert counts.tolist() == [493, 519, 479, 500, 479, 515, 518, 500, 474, 523]
