"""Where clusters lie: covariances and centres against their definitions."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from fmclust.clustering import assign, centres_of, parameters_of, pipeline, shapes_of

LATENTS = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32) * (1, 2, 5)
LATENTS = LATENTS.astype(np.float32)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_covariances_are_the_mixtures_precisions_inverted(kind: str) -> None:
    mixture = GaussianMixture(2, covariance_type=kind, random_state=0).fit(LATENTS)
    shapes = shapes_of(mixture, LATENTS)
    given = mixture.precisions_
    if kind == "tied":
        given = [given, given]
    elif kind != "full":
        given = [row * np.eye(3) for row in given]  # of diag 3 values, of spherical one
    precisions = np.stack(given)
    assert shapes is not None
    assert shapes.covariances == pytest.approx(np.linalg.inv(precisions), rel=1e-3)
    assert set(parameters_of(mixture)) == {"weights", "means", "covariances"}


def test_centres_of_a_pipeline_are_means_of_latents() -> None:
    whitened = pipeline(whiten=PCA(whiten=True), kmeans=KMeans(3, random_state=0, n_init=1))
    whitened.fit(LATENTS)
    clusters = assign(whitened, LATENTS)
    means = np.stack([LATENTS[clusters == cluster].mean(axis=0) for cluster in range(3)])
    assert centres_of(whitened) == pytest.approx(means, abs=0.02)
    shapes = shapes_of(whitened, LATENTS)
    assert shapes is not None and shapes.covariances is None
    assert shapes.centres == pytest.approx(whitened[-1].cluster_centers_)
    assert shapes.latents.std(axis=0) == pytest.approx(1, rel=0.01)
    assert set(parameters_of(whitened[-1])) == {"centres"}


def test_what_has_no_centres_has_no_shapes() -> None:
    reduced = PCA(2).fit(LATENTS)
    assert shapes_of(reduced, LATENTS) is None
    assert centres_of(reduced) is None
    assert parameters_of(reduced) == {}
