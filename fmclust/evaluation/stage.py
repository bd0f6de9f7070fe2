"""The stage after the latents: fit, assign, score, draw, write, log. Knows no Lightning."""

import logging
from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator
from torch.utils.tensorboard import SummaryWriter

from fmclust.clustering import Clustering, cluster, save_clusterer
from fmclust.evaluation.assignments import write_assignments
from fmclust.evaluation.labels import Labels
from fmclust.evaluation.publishing import publish
from fmclust.evaluation.scoring import draw_confusions, score_split
from fmclust.runs import Run, replacing

log = logging.getLogger(__name__)


def evaluate(
    run: Run,
    clusterers: Mapping[str, BaseEstimator],
    latents: Mapping[str, np.ndarray],
    *,
    fitted_split: str,
    labels: Labels,
    writer: SummaryWriter | None = None,
    step: int = 0,
) -> None:
    """Clusters the latents of a run with each clusterer and leaves all that follows from it.

    Writes the fitted estimators, assignments.csv and, with labels, scores and confusion
    matrices. Labels only score: they come in after all is fitted and assigned.

    Args:
        run: Where files and numbers go.
        clusterers: Name to unfitted scikit-learn estimator.
        latents: Split to float32 array of shape (N, d).
        fitted_split: The split that the clusterers are fitted on.
        labels: What to score against; may be empty.
        writer: TensorBoard's, or None.
        step: TensorBoard's step for all that is logged.

    Raises:
        UserError: If an estimator refuses its parameters or the latents.
    """
    clusterings = {
        name: _cluster_and_save(run, name, clusterer, latents, fitted_split)
        for name, clusterer in clusterers.items()
    }
    matchings = {}
    for split, classes in labels.classes.items():
        for name, clustering in clusterings.items():
            scored = score_split(
                clustering.clusters[split],
                classes,
                n_clusters=clustering.n_clusters,
                n_classes=len(labels.names),
            )
            run.metrics.update({f"{name}/{split}/{key}": v for key, v in scored.scores.items()})
            matchings[name, split] = scored.matching
            if split in ("test", "all"):
                figures = draw_confusions(scored, labels.names, f"{name}, {split}")
                for kind, figure in figures.items():
                    publish(run, writer, f"{name}/{split}/{kind}", figure, step)
    write_assignments(run.directory / "assignments.csv", clusterings, labels, matchings)
    if writer is not None:
        for metric, value in run.metrics.items():
            if metric.split("/")[0] in clusterers:
                writer.add_scalar(metric, value, step)


def _cluster_and_save(
    run: Run,
    name: str,
    clusterer: BaseEstimator,
    latents: Mapping[str, np.ndarray],
    fitted_split: str,
) -> Clustering:
    shape = " x ".join(f"{n:,}" for n in latents[fitted_split].shape)
    log.info("Clustering %s latents of the %s split by %s", shape, fitted_split, name)
    with run.timed("cluster"):
        clustering = cluster(clusterer, latents, fitted_split)
    with replacing(run.directory / "clusterers" / f"{name}.skops") as partial:
        save_clusterer(partial, clustering.estimator)
    run.metrics.update({f"{name}/{key}": value for key, value in clustering.figures.items()})
    for warning in clustering.warnings:
        run.warn(f"{name}: {warning}")
    return clustering
