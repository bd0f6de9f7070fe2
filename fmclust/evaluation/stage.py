"""The stage after the latents: fit, assign, score, draw, write, log. Knows no Lightning."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from fmclust.clustering import Clustering, cluster, save_clusterer
from fmclust.evaluation.assignments import write_assignments
from fmclust.evaluation.labels import Labels
from fmclust.evaluation.members import PROJECTED_WIDTH, draw_samples, project
from fmclust.evaluation.progress import telling
from fmclust.evaluation.publishing import publish
from fmclust.evaluation.scoring import draw_confusions, score_split
from fmclust.runs import Run, replacing


def evaluate(
    run: Run,
    clusterers: Mapping[str, BaseEstimator],
    latents: Mapping[str, np.ndarray],
    images: Mapping[str, Tensor],
    *,
    fitted_split: str,
    labels: Labels,
    writer: SummaryWriter | None = None,
    step: int = 0,
) -> None:
    """Clusters the latents of a run with each clusterer and leaves all that follows from it.

    Writes the fitted estimators, assignments.csv, samples of the clusters and, with labels,
    scores and confusion matrices; figures are of test, or of `all`. Labels only score: they come
    in after all is fitted and assigned.

    Args:
        run: Where files and numbers go.
        clusterers: Name to unfitted scikit-learn estimator.
        latents: Split to float32 array of shape (N, d).
        images: Split to uint8 tensor of shape (N, 1, H, W), to show what is in the clusters.
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
    with telling("Scoring and drawing"):
        _show(run, clusterings, latents, images, labels, writer, step)


def _show(
    run: Run,
    clusterings: Mapping[str, Clustering],
    latents: Mapping[str, np.ndarray],
    images: Mapping[str, Tensor],
    labels: Labels,
    writer: SummaryWriter | None,
    step: int,
) -> None:
    shown = "test" if "test" in latents else "all"
    matchings: dict[tuple[str, str], Mapping[int, int]] = {}
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
            if split == shown:
                figures = draw_confusions(scored, labels.names, f"{name}, {split}")
                for kind, figure in figures.items():
                    publish(run, writer, f"{name}/{split}/{kind}", figure, step)
    write_assignments(run.directory / "assignments.csv", clusterings, labels, matchings)
    for name, clustering in clusterings.items():
        matching = matchings.get((name, shown), {})
        title = f"{name}, {shown}: samples of every cluster and its size"
        figure = draw_samples(clustering, shown, images[shown], matching, labels, title)
        publish(run, writer, f"{name}/{shown}/samples", figure, step)
    if writer is not None and latents[shown].shape[1] <= PROJECTED_WIDTH:
        with run.timed("logging"):
            project(
                writer,
                latents[shown],
                images[shown],
                {name: clustering.clusters[shown] for name, clustering in clusterings.items()},
                labels.named(shown),
            )


def _cluster_and_save(
    run: Run,
    name: str,
    clusterer: BaseEstimator,
    latents: Mapping[str, np.ndarray],
    fitted_split: str,
) -> Clustering:
    shape = " x ".join(f"{n:,}" for n in latents[fitted_split].shape)
    text = f"Clustering {shape} latents of the {fitted_split} split by {name}"
    with telling(text), run.timed("cluster"):
        clustering = cluster(clusterer, latents, fitted_split)
    with replacing(run.directory / "clusterers" / f"{name}.skops") as partial:
        save_clusterer(partial, clustering.estimator)
    run.metrics.update({f"{name}/{key}": value for key, value in clustering.figures.items()})
    for warning in clustering.warnings:
        run.warn(f"{name}: {warning}")
    return clustering
