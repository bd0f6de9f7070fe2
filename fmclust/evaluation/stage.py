"""The stage after the latents: fit, assign, score, draw, write, log. Knows no Lightning."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from fmclust.clustering import (
    NEAR,
    Clustering,
    centres_of,
    cluster,
    distances_to_centres,
    parameters_of,
    save_clusterer,
)
from fmclust.evaluation.assignments import Matchings, write_assignments
from fmclust.evaluation.labels import Labels
from fmclust.evaluation.members import (
    PROJECTED_WIDTH,
    draw_centres,
    draw_first_images,
    draw_samples,
    project,
)
from fmclust.evaluation.outlines import draw_clusters_in_planes
from fmclust.evaluation.progress import telling
from fmclust.evaluation.publishing import publish
from fmclust.evaluation.scoring import draw_scored, score_split
from fmclust.evaluation.thumbnails import write_thumbnails
from fmclust.runs import Run, replacing

Clusterings = Mapping[str, Clustering]
Show = Callable[[str, Callable[[], Figure | None]], None]  # by the figure's tag


def evaluate(
    run: Run,
    clusterers: Mapping[str, BaseEstimator],
    latents: Mapping[str, np.ndarray],
    images: Mapping[str, Tensor],
    *,
    fitted_split: str,
    labels: Labels,
    decode: Callable[[np.ndarray], np.ndarray],
    writer: SummaryWriter | None = None,
    step: int = 0,
) -> None:
    """Clusters the latents of a run with each clusterer and leaves all that follows from it.

    Writes the fitted estimators and their parameters, assignments.csv, figures of the images and
    of the clusters and, with labels, scores and confusion matrices; figures are of test, or of
    `all`. Labels only score: they come in after all is fitted and assigned.

    Args:
        run: Where files and numbers go.
        clusterers: Name to unfitted scikit-learn estimator.
        latents: Split to float32 array of shape (N, d).
        images: Split to uint8 tensor of shape (N, 1, H, W), to show what is in the clusters.
        fitted_split: The split that the clusterers are fitted on.
        labels: What to score against; may be empty.
        decode: Maps float32 latents of shape (N, d) to uint8 images of shape (N, H, W).
        writer: TensorBoard's, or None.
        step: TensorBoard's step for all that is logged.

    Raises:
        UserError: If an estimator refuses its parameters or the latents.
    """
    clusterings = {
        name: _cluster_and_save(run, name, clusterer, latents, fitted_split)
        for name, clusterer in clusterers.items()
    }
    shown = "test" if "test" in latents else "all"
    show = partial(publish, run, writer, step=step)
    with telling("Scoring and drawing"):
        matchings = _score(run.metrics, clusterings, labels, shown, show)
        write_assignments(run.directory / "assignments.csv", clusterings, labels, matchings)
        show("dataset", partial(draw_first_images, images[fitted_split], fitted_split, labels))
        centres = _decoded_centres(clusterings, decode)
        write_thumbnails(run.directory / "thumbnails.npz", shown, images[shown], centres)
        for name, clustering in clusterings.items():
            matching = matchings.get((name, shown), {})
            tag = f"{name}/{shown}"
            samples = (clustering, shown, images[shown], matching, labels, name)
            show(f"{tag}/samples", partial(draw_samples, *samples))
            if name in centres:
                show(f"{tag}/centres", partial(draw_centres, centres[name], matching, labels, name))
        planes = partial(draw_clusters_in_planes, clusterings, latents[shown], shown)
        show(f"latents/{shown}", planes)
        if writer is not None and latents[shown].shape[1] <= PROJECTED_WIDTH:
            with run.timed("logging"):
                clusters = {name: made.clusters[shown] for name, made in clusterings.items()}
                project(writer, latents[shown], images[shown], clusters, labels.named(shown))


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
    fitted = clustering.clusters[fitted_split]
    distances = distances_to_centres(clustering.estimator, latents[fitted_split], fitted)
    if distances is not None:
        run.metrics[f"{name}/distance_limit"] = float(np.quantile(distances, NEAR))
    path = run.directory / "clusterers" / f"{name}.skops"
    with replacing(path) as partial_file:
        save_clusterer(partial_file, clustering.estimator)
    with replacing(path.with_suffix(".npz")) as partial_file:
        np.savez(partial_file, **parameters_of(clustering.estimator))  # type: ignore[arg-type]
    run.metrics.update({f"{name}/{key}": value for key, value in clustering.figures.items()})
    for warning in clustering.warnings:
        run.warn(f"{name}: {warning}")
    return clustering


def _decoded_centres(
    clusterings: Clusterings, decode: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    found = {name: centres_of(made.estimator) for name, made in clusterings.items()}
    return {name: decode(centres) for name, centres in found.items() if centres is not None}


def _score(
    metrics: dict[str, float], clusterings: Clusterings, labels: Labels, shown: str, show: Show
) -> Matchings:
    """Adds the scores of every split with labels; shows the confusion matrices of one."""
    matchings: dict[tuple[str, str], Mapping[int, int]] = {}
    for split, classes in labels.classes.items():
        for name, clustering in clusterings.items():
            scored = score_split(
                clustering.clusters[split],
                classes,
                n_clusters=clustering.n_clusters,
                n_classes=len(labels.names),
            )
            metrics.update({f"{name}/{split}/{key}": v for key, v in scored.scores.items()})
            matchings[name, split] = scored.matching
            if split == shown:
                draw = partial(draw_scored, scored, labels.names, f"{name}, {split}")
                show(f"{name}/{split}/confusion_raw", partial(draw, matched=False))
                show(f"{name}/{split}/confusion_matched", partial(draw, matched=True))
    return matchings
