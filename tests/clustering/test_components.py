"""Whitening leaves out the axes along which the latents are constant."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from fmclust.clustering import LeadingComponents, Whitening, assign, pipeline
from fmclust.clustering.parameters import stored_arrays
from fmclust.data import Digits
from fmclust.inference.stored import StoredClusterer

LATENTS = np.random.default_rng(0).normal(size=(300, 5)) @ np.diag([9.0, 5, 3, 1, 0.5])


def test_latents_that_vary_along_all_axes_are_whitened_as_by_pca() -> None:
    ours, theirs = Whitening(whiten=True), PCA(whiten=True)
    assert np.array_equal(ours.fit_transform(LATENTS), theirs.fit_transform(LATENTS))
    assert np.array_equal(ours.transform(LATENTS), theirs.transform(LATENTS))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_constant_axes_are_left_out(dtype: type) -> None:
    narrow = np.c_[LATENTS * [1, 1, 1, 1, 0.1], np.zeros((300, 800))].astype(dtype)
    assert Whitening(whiten=True).fit(narrow).n_components_ == 5, "0.5 % of the largest deviation"
    wide = np.c_[LATENTS, np.full((300, 2), 7.0), LATENTS[:, :1]].astype(dtype)
    fitted = Whitening(whiten=True).fit(wide)
    assert fitted.n_components_ == 5 and fitted.components_.shape == (5, 8)
    white = fitted.transform(wide + np.float32(1e-6))
    assert np.cov(white.T) == pytest.approx(np.eye(5), abs=1e-3)
    back = fitted.inverse_transform(white)
    assert back == pytest.approx(wide, abs=1e-3)


def test_pixels_with_constant_borders_are_clustered_and_assigned_by_what_varies(
    tmp_path: Path,
) -> None:
    split = Digits().splits["train"]
    pixels = split.images.numpy().reshape(len(split), -1).astype(np.float32) / 255
    clusterer = pipeline(whiten=Whitening(whiten=True), kmeans=KMeans(10, random_state=0)).fit(
        pixels
    )
    assert clusterer[0].n_components_ <= (pixels.std(axis=0) > 0).sum()
    np.savez(tmp_path / "a.npz", allow_pickle=False, **stored_arrays(clusterer))
    stored = StoredClusterer.read(tmp_path / "a.npz")
    assert stored is not None
    assert np.array_equal(stored.find(pixels).clusters, assign(clusterer, pixels))


@pytest.mark.parametrize(("wanted", "expected"), [(3, 3), (64, 5), (None, 5), (0.8, 2)])
def test_leading_components_take_any_number_that_pca_takes(
    wanted: float | None, expected: int
) -> None:
    assert LeadingComponents(wanted).fit(LATENTS).n_components_ == expected
