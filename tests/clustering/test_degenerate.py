"""Mixtures of latents that are degenerate, and the dtype that estimators work in."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from fmclust.clustering import (
    InductiveClusterer,
    assign,
    cluster,
    distances_to_centres,
    fit,
    load_clusterer,
    pipeline,
    require_fittable,
    responsibilities,
    save_clusterer,
)
from fmclust.errors import UserError

Floats = NDArray[np.floating]


@pytest.fixture
def few() -> Floats:
    """Four distinct latents, each many times, in float32 and far from the origin."""
    rng = np.random.default_rng(0)
    points: Floats = 100 + rng.normal(size=(4, 10))[rng.integers(0, 4, 100)]
    return points.astype(np.float32)


def test_a_degenerate_mixture_is_fitted_with_more_regularization_and_a_warning(
    few: Floats,
) -> None:
    mixture = GaussianMixture(8, covariance_type="tied", random_state=0)
    made = cluster(pipeline(it=mixture), {"train": few}, "train")
    used = made.estimator[-1].reg_covar
    assert 1e-6 < used <= 1 and mixture.reg_covar == 1e-6
    assert made.warnings[0].startswith(f"reg_covar={used:g} was used: with 1e-06 ")
    assert made.warnings[-1] == "4 of 8 clusters are empty"
    assert len(set(made.warnings)) == len(made.warnings)


def test_in_float64_no_regularization_is_added(few: Floats) -> None:
    mixture = GaussianMixture(8, covariance_type="tied", random_state=0)
    made = cluster(mixture, {"train": few.astype(np.float64)}, "train")
    assert made.estimator.reg_covar == 1e-6
    assert not any("reg_covar" in text for text in made.warnings)


def test_other_mistakes_are_not_retried(blobs: Floats) -> None:
    with pytest.raises(UserError, match="means"):
        fit(GaussianMixture(2, means_init=[[0.0]]), blobs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_estimator_predicts_in_the_dtype_it_was_fitted_in(
    dtype: type, blobs: Floats, tmp_path: Path
) -> None:
    given = blobs.astype(np.float32)
    fitted, _ = fit(GaussianMixture(4, random_state=0), given.astype(dtype))
    save_clusterer(tmp_path / "it.skops", fitted)
    read = load_clusterer(tmp_path / "it.skops")
    expected = fitted.predict_proba(given.astype(dtype))
    for estimator in (fitted, read):
        soft = responsibilities(estimator, given)
        assert soft is not None and soft.dtype == expected.dtype
        np.testing.assert_array_equal(soft, expected)
        np.testing.assert_array_equal(assign(estimator, given), expected.argmax(axis=1))
    ids = expected.argmax(axis=1)
    near, exact = (distances_to_centres(read, x, ids) for x in (given, given.astype(dtype)))
    np.testing.assert_array_equal(near, exact)


def test_more_neighbours_than_latents_are_refused_before_anything_is_fitted() -> None:
    from sklearn.cluster import HDBSCAN, SpectralClustering

    spectral = SpectralClustering(2, affinity="nearest_neighbors", n_neighbors=50)
    for clusterer, key, most in (
        (InductiveClusterer(estimator=spectral), "estimator.n_neighbors", 39),
        (InductiveClusterer(estimator=spectral, sample=20), "estimator.n_neighbors", 19),
        (InductiveClusterer(estimator=HDBSCAN(min_samples=41)), "estimator.min_samples", 40),
        (InductiveClusterer(estimator=HDBSCAN(41)), "estimator.min_cluster_size", 40),
        (InductiveClusterer(estimator=HDBSCAN(), n_neighbors=99), "n_neighbors", 39),
    ):
        with pytest.raises(UserError, match=rf"type cluster\.it\.{key}= with at most {most}\."):
            require_fittable({"it": clusterer}, 40)
    require_fittable({"it": InductiveClusterer(estimator=HDBSCAN(40, min_samples=5))}, 40)
