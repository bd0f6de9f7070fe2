"""Stored parameters assign latents as scikit-learn's estimators do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Answer
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.preprocessing import Normalizer, StandardScaler

from fmclust.clustering import (
    BalancedKMeans,
    PrototypeClusterer,
    assign,
    distances_to_centres,
    fit,
    parameters,
    pipeline,
    responsibilities,
    shapes_of,
    stored_arrays,
)
from fmclust.errors import UserError
from fmclust.inference import stored
from fmclust.inference.stored import StoredClusterer

RNG = np.random.default_rng(0)
MIXTURES = ("full", "tied", "diag", "spherical")
LATENTS = RNG.normal(size=(500, 5)) @ RNG.normal(size=(5, 5)) + 3 * RNG.integers(0, 3, (500, 1))
CENTRES = RNG.normal(size=(4, 5))
SCALED = {"centre": StandardScaler(with_std=False), "unit": Normalizer()}
FITTABLE: dict[str, BaseEstimator] = {
    "kmeans": KMeans(4, n_init=3, random_state=0),
    "minibatch": MiniBatchKMeans(4, n_init=3, random_state=0),
    **{kind: GaussianMixture(4, covariance_type=kind, random_state=0) for kind in MIXTURES},
    "whitened": pipeline(whiten=PCA(3, whiten=True), gmm=GaussianMixture(4, random_state=0)),
    "scaled": pipeline(scale=StandardScaler(), pca=PCA(4), kmeans=KMeans(4, random_state=0)),
    "spherical": pipeline(**SCALED, kmeans=KMeans(4, random_state=0)),
    "balanced": pipeline(**SCALED, balanced=BalancedKMeans(n_clusters=4, random_state=0)),
    "prototypes": pipeline(unit=Normalizer(), prototypes=PrototypeClusterer(centres=CENTRES)),
}


def saved(path: Path, fitted: BaseEstimator) -> StoredClusterer | None:
    arrays: dict[str, Any] = stored_arrays(fitted)
    np.savez(path, allow_pickle=False, **arrays)
    return StoredClusterer.read(path)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FITTABLE)
def test_latents_are_assigned_as_by_the_estimator(
    name: str, dtype: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MAX_ROWS", 64)
    fitted, _ = fit(FITTABLE[name], LATENTS.astype(dtype))
    found = saved(tmp_path / "a.npz", fitted)
    if dtype is np.float32 and "weights" in stored_arrays(fitted):
        assert found is None, "the estimator of a mixture in float32 rounds in another way"
        return
    assert found is not None and found.n_latents == 5 and not found.propagates
    new = RNG.normal(size=(300, 5)).astype(np.float32) * 4
    clusters = assign(fitted, new)
    assigned = found.find(new)
    tolerance = 1e-9 if dtype is np.float64 else 1e-3
    assert assigned.clusters.dtype == np.int64 and np.array_equal(assigned.clusters, clusters)
    distances = distances_to_centres(fitted, new, clusters)
    assert assigned.distance is not None and distances is not None
    assert np.allclose(assigned.distance, distances, rtol=tolerance, atol=tolerance)
    soft = responsibilities(fitted, new)
    if soft is None:
        assert assigned.probability is None
    else:
        assert assigned.probability is not None
        assert np.allclose(assigned.probability, soft.max(axis=1), atol=tolerance)


@pytest.mark.parametrize(
    "estimator",
    [
        BayesianGaussianMixture(n_components=3, random_state=0),
        pipeline(unit=Normalizer("l1"), kmeans=KMeans(3, random_state=0)),
        pipeline(unit=Normalizer(), scale=StandardScaler(), kmeans=KMeans(3, random_state=0)),
    ],
)
def test_other_clusterers_need_their_estimator(estimator: BaseEstimator, tmp_path: Path) -> None:
    fitted, _ = fit(estimator, LATENTS)
    assert saved(tmp_path / "a.npz", fitted) is None
    assert StoredClusterer.read(tmp_path / "b.npz") is None


@pytest.mark.parametrize("name", ["diag", "whitened"])
def test_no_square_matrix_of_wide_latents_is_computed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "MAX_LATENTS", 4)
    monkeypatch.setattr(parameters, "MAX_EXPANDED", 4)
    fitted, _ = fit(FITTABLE[name], LATENTS)
    assert saved(tmp_path / "a.npz", fitted) is None
    found = shapes_of(fitted, LATENTS)
    assert found is not None and (found.covariances is None) == (name == "diag")


@pytest.mark.parametrize(
    "changed",
    [
        {"centres": np.full((4, 5), np.nan)},
        {"centres": np.zeros((4, 5), object)},
        {"matrix": np.zeros((5, 3)), "shift": np.zeros(3)},
        {"offsets": np.zeros(3), "temperature": np.array(1.0)},
        {"means": np.zeros((4, 5)), "weights": np.ones(4)},
    ],
)
def test_damaged_parameters_are_one_line(changed: dict[str, Any], tmp_path: Path) -> None:
    arrays = {"centres": CENTRES, "is_unit": np.array(False)} | changed
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=r"a\.npz can't be read"):
        StoredClusterer.read(tmp_path / "a.npz")


def test_a_run_does_without_its_skops_files(run: Path, command_line: Callable[..., Answer]) -> None:
    np.save("x.npy", RNG.integers(0, 256, (20, 28, 28), np.uint8))
    typed = ("assign", f"run={run}", "input=x.npy", "clusterer=gmm")
    assert command_line(*typed, "output=a.csv").status == 0
    for path in run.glob("clusterers/*.skops"):
        path.unlink()
    assert command_line(*typed, "output=b.csv").status == 0
    (run / "manifest.json").unlink()
    (run / "clusterers" / "gmm.npz").unlink()
    assert command_line(*typed, "output=c.csv").refuses("gmm.skops")
    assert Path("a.csv").read_text() == Path("b.csv").read_text()
