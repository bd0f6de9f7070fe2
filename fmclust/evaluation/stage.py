"""The stage after the latents: fit, assign, score, draw, write, log. Knows no Lightning."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch.utils.tensorboard import SummaryWriter

from fmclust import clustering
from fmclust.data import Split
from fmclust.evaluation.publishing import publish
from fmclust.metrics import MatchedConfusion, match_clusters, score
from fmclust.plots import draw_confusion
from fmclust.runs import Run
from fmclust.runs.files import replacing

COLUMNS = (
    "clusterer",
    "split",
    "index",
    "cluster",
    "class",
    "matched_class",
    "probability",
)


@dataclass(frozen=True)
class Labels:
    """What the scores compare clusters with.

    Attributes:
        classes: Split to int64 array of shape (N,).
        names: A name for every class.
    """

    classes: Mapping[str, np.ndarray]
    names: Sequence[str]

    @classmethod
    def of(cls, splits: Mapping[str, Split], names: Sequence[str] | None) -> "Labels | None":
        """Takes the labels of the splits that have some; None if none has."""
        classes = {n: s.labels.numpy() for n, s in splits.items() if s.labels is not None}
        return cls(classes, names) if classes and names else None


@dataclass(frozen=True)
class _Assigned:
    """One split's clusters by one clusterer; no labels here."""

    clusters: np.ndarray
    probabilities: np.ndarray | None


def evaluate(
    run: Run,
    clusterers: Mapping[str, BaseEstimator],
    latents: Mapping[str, np.ndarray],
    *,
    fitted_split: str,
    labels: Labels | None = None,
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
        labels: What to score against, or None.
        writer: TensorBoard's, or None.
        step: TensorBoard's step for all that is logged.

    Raises:
        UserError: If an estimator refuses its parameters or the latents.
    """
    with replacing(run.directory / "assignments.csv") as partial, partial.open("w") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for name, clusterer in clusterers.items():
            with run.timed("cluster"):
                n_clusters, splits = _cluster(run, name, clusterer, latents, fitted_split)
            for split, assigned in splits.items():
                classes = labels.classes.get(split) if labels else None
                matching: Mapping[int, int] = {}
                if labels is not None and classes is not None:
                    matching = _score(
                        run, f"{name}/{split}", assigned, classes, labels, n_clusters, writer, step
                    )
                table.writerows(_rows(name, split, assigned, classes, matching))
    if writer is not None:
        for name, value in run.metrics.items():
            if name.split("/")[0] in clusterers:
                writer.add_scalar(name, value, step)


def _cluster(
    run: Run,
    name: str,
    clusterer: BaseEstimator,
    latents: Mapping[str, np.ndarray],
    fitted_split: str,
) -> tuple[int, dict[str, _Assigned]]:
    """Fits, saves, assigns every split; returns the number of clusters and the assignments."""
    fitted, warnings = clustering.fit(clusterer, latents[fitted_split])
    with replacing(run.directory / "clusterers" / f"{name}.skops") as partial:
        clustering.save_clusterer(partial, fitted)
    splits = {}
    for split, rows in latents.items():
        soft = clustering.responsibilities(fitted, rows)
        splits[split] = _Assigned(
            clustering.assign(fitted, rows), None if soft is None else soft.max(axis=1)
        )
    clusters = splits[fitted_split].clusters
    figures = clustering.own_figures(fitted, latents[fitted_split], clusters)
    run.metrics.update({f"{name}/{figure}": value for figure, value in figures.items()})
    for warning in warnings:
        run.warn(f"{name}: {warning}")
    if figures["empty_clusters"]:
        run.warn(f"{name}: {figures['empty_clusters']:.0f} clusters are empty")
    return clustering.count_clusters(fitted, clusters), splits


def _score(
    run: Run,
    prefix: str,
    assigned: _Assigned,
    classes: np.ndarray,
    labels: Labels,
    n_clusters: int,
    writer: SummaryWriter | None,
    step: int,
) -> Mapping[int, int]:
    """Scores and draws one split; returns the matching of its clusters to classes."""
    n_classes = len(labels.names)
    scores = score(assigned.clusters, classes, n_clusters=n_clusters, n_classes=n_classes)
    run.metrics.update({f"{prefix}/{name}": value for name, value in scores.items()})

    confusion = MatchedConfusion(n_classes, n_clusters)
    confusion.update(torch.from_numpy(assigned.clusters), torch.from_numpy(classes))
    raw = confusion.contingency.numpy()
    matching = match_clusters(raw)
    title = f"{prefix}: accuracy {scores['accuracy']:.4f}"
    for kind, counts, names in (
        ("raw", raw, [str(cluster) for cluster in range(n_clusters)]),
        ("matched", confusion.compute().numpy(), _column_names(matching, labels, n_clusters)),
    ):
        figure = draw_confusion(
            counts, labels.names, title=f"{title} ({kind})", cluster_names=names
        )
        publish(run, writer, f"{prefix}/confusion_{kind}", figure, step)
    return matching


def _column_names(matching: Mapping[int, int], labels: Labels, n_clusters: int) -> list[str]:
    """Names the columns of the matched confusion matrix: matched class, or spare cluster."""
    cluster_of = {cls: cluster for cluster, cls in matching.items()}
    spare = [cluster for cluster in range(n_clusters) if cluster not in matching]
    matched = [
        f"{name} ({cluster_of[cls]})" if cls in cluster_of else f"{name} (none)"
        for cls, name in enumerate(labels.names)
    ]
    return matched + [f"unmatched ({cluster})" for cluster in spare]


def _rows(
    name: str,
    split: str,
    assigned: _Assigned,
    classes: np.ndarray | None,
    matching: Mapping[int, int],
) -> Iterator[tuple[Any, ...]]:
    n = len(assigned.clusters)
    known = classes.tolist() if classes is not None else [""] * n
    probabilities = (
        [""] * n
        if assigned.probabilities is None
        else [f"{p:.6f}" for p in assigned.probabilities.tolist()]
    )
    clusters = assigned.clusters.tolist()
    for index, (cluster, cls, probability) in enumerate(
        zip(clusters, known, probabilities, strict=True)
    ):
        yield name, split, index, cluster, cls, matching.get(cluster, ""), probability
