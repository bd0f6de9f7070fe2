"""A finished run from Python: encode, reconstruct, assign."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Finished
from numpy.typing import NDArray

from fmclust import load_run
from fmclust.errors import UserError
from fmclust.runs import read_assignments


def test_from_python_the_runs_own_images_get_the_clusters_they_had(
    finished: Finished, digits: dict[str, NDArray[np.uint8]]
) -> None:
    run = load_run(finished.directory)
    for name in run.clusterers:
        known = read_assignments(finished.directory, name)
        for split, images in digits.items():
            np.testing.assert_array_equal(run.assign(images, name).clusters, known[split])
    np.testing.assert_array_equal(run.encode(digits["test"]), run.latents["test"])
    made = run.reconstruct(digits["test"])
    assert made.shape == digits["test"].shape
    assert made.dtype == np.uint8
    assert run.scores["gmm/test/accuracy"] == run.metrics["gmm/test/accuracy"]
    assert run.image_size == (28, 28)
    assert run.class_names == tuple("0123456789")


def test_what_is_said_of_an_image(finished: Finished, digits: dict[str, NDArray[np.uint8]]) -> None:
    run = load_run(finished.directory)
    by_means = run.assign(digits["train"], "kmeans")
    centres = np.load(finished.directory / "clusterers" / "kmeans.npz")["centres"]
    apart = np.linalg.norm(run.latents["train"][:, None] - centres, axis=2)
    assert by_means.distance is not None
    np.testing.assert_allclose(by_means.distance, apart.min(axis=1), rtol=1e-4)
    assert by_means.probability is None
    assert not by_means.propagated
    by_mixture = run.assign(digits["train"], "gmm")
    assert by_mixture.probability is not None
    assert by_mixture.far is not None
    assert (by_mixture.probability > 1 / 12 - 1e-9).all()
    assert by_mixture.far.mean() < 0.003
    matched = [run.matching("gmm").get(cluster, -1) for cluster in by_mixture.clusters.tolist()]
    np.testing.assert_array_equal(by_mixture.classes, matched)
    noise = np.random.default_rng(0).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    assert np.all(run.assign(noise).far)


def test_standardized_images_come_back_in_their_own_brightness(
    run_digits: Callable[..., Finished], digits: dict[str, NDArray[np.uint8]]
) -> None:
    run = load_run(run_digits("model=convae_standardized", "trainer.max_epochs=3").directory)
    dim = (100 + digits["test"] / 16).astype(np.uint8)
    assert np.abs(run.reconstruct(dim).astype(int) - dim).max() < 20
    pixels = load_run(
        run_digits("model=pixels", "model.preprocessing=standardize", "cluster=kmeans").directory
    )
    assert np.abs(pixels.reconstruct(dim).astype(int) - dim).max() <= 1


@pytest.mark.parametrize(
    ("images", "named"),
    [
        (np.full((2, 28, 28), -5.0), "-5 to -5.*convert them to uint8"),
        (np.zeros((28, 28), np.uint8), r"shape \(N, H, W\)"),
        (np.zeros((2, 8, 8), np.uint8), r"images of shape \(N, 28, 28\)"),
    ],
)
def test_images_of_another_kind_are_refused(
    images: NDArray[Any], named: str, finished: Finished
) -> None:
    with pytest.raises(UserError, match=named):
        load_run(finished.directory).assign(images)


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run directory.*run="):
        load_run(tmp_path)
    (tmp_path / "status.json").write_text('{"status": "stopped", "format": 2}')
    with pytest.raises(UserError, match="stopped"):
        load_run(tmp_path)
