"""Reading idx files, and verifying the files of Fashion-MNIST."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import idx, write_idx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fmclust.data import FashionMNIST, mnist_family
from fmclust.data.idx import read_idx
from fmclust.errors import UserError

MAX_MEMORY = 48 << 20  # bytes


def test_arrays_come_back_as_written(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(images)))
    np.testing.assert_array_equal(read_idx(path), images)


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    lying = bytes([0, 0, 8, 1]) + np.array([2**32 - 1], ">u4").tobytes() + b"\1"
    (tmp_path / "lying").write_bytes(lying)
    with pytest.raises(UserError, match="lying.*4294967295 bytes"):
        read_idx(tmp_path / "lying")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_in_plain_words(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "some"
    path.write_bytes(raw)
    message = ""
    try:
        read_idx(path)
    except UserError as error:
        message = str(error)
    assert not message or "some" in message


@pytest.mark.parametrize(
    ("promised", "held"), [((2**32 - 1,) * 3, 64), ((1, 8, 8), 1 << 27), ((1, 8, 8), 63)]
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_no_more_is_read_than_is_promised_and_there(
    promised: tuple[int, ...], held: int, suffix: str, tmp_path: Path
) -> None:
    """A wrong header takes no memory, nor does a file that decompresses to far more."""
    content = bytes([0, 0, 8, 3]) + np.array(promised, ">u4").tobytes() + bytes(held)
    path = tmp_path / f"bomb{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"promises .*(but holds|times its size)"):
        read_idx(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < MAX_MEMORY


def test_a_bomb_with_an_honest_header_is_refused_before_it_is_decompressed(tmp_path: Path) -> None:
    shape = np.array([1 << 15, 64, 64], ">u4")
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + shape.tobytes() + bytes(1 << 27)))
    with pytest.raises(UserError, match=r"bomb.gz.*134217728 bytes"):
        read_idx(path)


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(1000)))[:-6])
    with pytest.raises(UserError, match=r"broken.gz can't be read"):
        read_idx(path)


def test_a_gzip_that_can_not_be_decompressed_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.gz"
    packed = gzip.compress(b"0" * 1000)
    path.write_bytes(packed[:10] + b"\xff" * 6 + packed[16:])
    with pytest.raises(UserError, match=r"broken.gz can't be read"):
        read_idx(path)


def test_a_file_of_other_content_is_refused_with_both_checksums(tmp_path: Path) -> None:
    folder = tmp_path / "FashionMNIST" / "raw"
    for name in mnist_family.SHA256:
        write_idx(folder / name, np.zeros((2, 28, 28)))
    data = FashionMNIST(root=str(tmp_path))
    assert data.locate() == folder
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte is damaged.*expected c59f468a"):
        data.read_files(folder)


def test_a_damaged_gzip_of_fashion_mnist_can_be_removed(tmp_path: Path) -> None:
    for name in mnist_family.SHA256:
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"0" * 1000)[:-6])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz is damaged.*Type rm"):
        FashionMNIST().read_files(tmp_path)


@pytest.mark.real
def test_the_real_files_verify_and_split_as_in_the_paper() -> None:
    data = FashionMNIST()
    arrays = data.read_files(data.locate())
    assert arrays["train-images-idx3-ubyte"].shape == (60000, 28, 28)
    # Row sums of the paper's 5,000-image matrices: the last 5,000 of the official test file.
    counts = np.bincount(arrays["t10k-labels-idx1-ubyte"][-5000:])
    assert counts.tolist() == [493, 519, 479, 500, 479, 515, 518, 500, 474, 523]
