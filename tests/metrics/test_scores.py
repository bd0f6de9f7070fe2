"""Scores against two references: scikit-learn's and torchmetrics' own."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics
from torchmetrics.functional import clustering as torchmetrics_clustering

from fmclust.metrics import score

Ids = tuple[NDArray[np.int64], NDArray[np.int64]]  # clusters and classes


@pytest.fixture
def labelled() -> Ids:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 500)
    return np.where(rng.random(500) < 0.7, classes, rng.integers(0, 6, 500)), classes


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
def test_scikit_learn_and_torchmetrics_agree(labelled: Ids) -> None:
    clusters, classes = labelled
    ours = score(clusters, classes, n_clusters=6, n_classes=4)
    theirs = {
        "nmi": torchmetrics_clustering.normalized_mutual_info_score,
        "ari": torchmetrics_clustering.adjusted_rand_score,
        "homogeneity": torchmetrics_clustering.homogeneity_score,
        "completeness": torchmetrics_clustering.completeness_score,
    }
    for name, reference in theirs.items():
        expected = float(reference(torch.from_numpy(clusters), torch.from_numpy(classes)))
        assert ours[name] == pytest.approx(expected, abs=1e-5), name
    assert ours["nmi"] == pytest.approx(
        sklearn_metrics.normalized_mutual_info_score(classes, clusters)
    )


def test_relabelled_clusters_score_the_same(labelled: Ids) -> None:
    clusters, classes = labelled
    renamed = np.random.default_rng(1).permutation(6)[clusters]
    assert score(renamed, classes, n_clusters=6, n_classes=4) == pytest.approx(
        score(clusters, classes, n_clusters=6, n_classes=4)
    )


def test_images_without_a_class_are_not_scored() -> None:
    with pytest.raises(ValueError, match="no sample has a class"):
        score(np.array([0, 1]), np.array([-1, -1]), n_clusters=2, n_classes=2)
