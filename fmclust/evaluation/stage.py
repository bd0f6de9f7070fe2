"""An encoder and images to latents, clusters, scores and files. Knows no Lightning."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator

from fmclust.clustering import (
    FAR_QUANTILE,
    Clustering,
    centres_of,
    cluster,
    distances_to_centres,
    parameters_of,
    save_clusterer,
)
from fmclust.data import ImageSource, border_brightness
from fmclust.evaluation.assignments import write_assignments
from fmclust.evaluation.cluster_figures import (
    draw_centres,
    draw_clusters_in_planes,
    draw_first_images,
    draw_samples,
)
from fmclust.evaluation.labels import Labels
from fmclust.evaluation.progress import spinner
from fmclust.evaluation.publishing import Display, publish
from fmclust.evaluation.scoring import Scored, draw_scored, score_clusterings
from fmclust.evaluation.summary import write_summary
from fmclust.evaluation.thumbnails import write_thumbnails
from fmclust.models import Encoder, decode_all, encode_all, reconstruction_errors
from fmclust.runs import ASSIGNMENTS, Run, replacing

NOWHERE = Display()


@dataclass(frozen=True)
class Evaluation:
    """What was made of the latents of a run.

    Attributes:
        latents: Split to float32 array of shape (N, d).
        clusterings: By name; those that failed are left out.
        scored: (clusterer, split) to its scores; empty without labels.
    """

    latents: Mapping[str, np.ndarray]
    clusterings: Mapping[str, Clustering]
    scored: Mapping[tuple[str, str], Scored]


def evaluate(
    run: Run,
    encoder: Encoder,
    source: ImageSource,
    clusterers: Mapping[str, BaseEstimator],
    display: Display = NOWHERE,
) -> Evaluation:
    """Encode all images, cluster the latents, score the clusters, and write all of it.

    Args:
        run: Where files and numbers go.
        encoder: Encodes on the device that it lies on.
        source: The images and, where there are any, their labels.
        clusterers: Name to unfitted scikit-learn estimator.
        display: Where results are shown besides.
    """
    latents = encode_splits(run, encoder, source)
    return evaluate_latents(run, encoder, source, latents, clusterers, display)


def encode_splits(run: Run, encoder: Encoder, source: ImageSource) -> dict[str, np.ndarray]:
    """Encode every split; write latents.npz, unless the latents are the images themselves.

    Returns:
        Split to float32 array of shape (N, d).
    """
    images = {name: split.images for name, split in source.splits.items()}
    count = sum(map(len, images.values()))
    with spinner(f"Encoding {count:,} images"), run.timed("encode"):
        latents = {name: encode_all(encoder, split) for name, split in images.items()}
    fitted = source.fitted_split
    run.facts["border"] = border_brightness(images[fitted][:, 0].numpy())
    if encoder.keeps_latents:
        run.write_latents(latents)
    if encoder.trains and encoder.can_decode:
        with run.timed("encode"):
            errors = reconstruction_errors(encoder, images[fitted], latents[fitted])
        run.metrics["reconstruction_limit"] = float(np.quantile(errors, FAR_QUANTILE))
    run.facts["encoded"] = True
    return latents


def evaluate_latents(
    run: Run,
    encoder: Encoder,
    source: ImageSource,
    latents: Mapping[str, np.ndarray],
    clusterers: Mapping[str, BaseEstimator],
    display: Display = NOWHERE,
) -> Evaluation:
    """Cluster latents that are encoded already; see `evaluate`.

    Labels only score: they come in after all is fitted and assigned. A clusterer that fails stops
    no other; the run then ends as failed, with what the others made.
    """
    run.remove_clusterings()
    clusterings = cluster_latents(run, clusterers, latents, source.fitted_split)
    labels = Labels.of(source.splits, source.class_names)
    with spinner("Scoring and drawing"):
        scored = score_clusterings(clusterings, labels)
        for (name, split), found in scored.items():
            run.metrics.update({f"{name}/{split}/{key}": v for key, v in found.scores.items()})
        made = Evaluation(latents, clusterings, scored)
        centres = _decoded_centres(clusterings, encoder)
        _write(run, source, made, labels, centres)
        _draw(run, source, made, labels, centres, display)
        with run.attempt("not every logger shows the latents"), run.timed("logging"):
            _show_latents(source, made, labels, display)
    with run.attempt("not every logger has the final scores"):
        display.scalars({k: v for k, v in run.metrics.items() if not k.startswith("loss/")})
    return made


def cluster_latents(
    run: Run,
    clusterers: Mapping[str, BaseEstimator],
    latents: Mapping[str, np.ndarray],
    fitted_split: str,
) -> dict[str, Clustering]:
    """Fit each clusterer on one split, assign all splits, and save the fitted estimators.

    Returns:
        Name to clustering, of those that did not fail.
    """
    clusterings = {}
    for name, clusterer in clusterers.items():
        with run.attempt(name, stage="cluster"):
            clusterings[name] = _cluster_and_save(run, name, clusterer, latents, fitted_split)
    return clusterings


def _cluster_and_save(
    run: Run,
    name: str,
    clusterer: BaseEstimator,
    latents: Mapping[str, np.ndarray],
    fitted_split: str,
) -> Clustering:
    shape = " x ".join(f"{n:,}" for n in latents[fitted_split].shape)
    text = f"Clustering {shape} latents of the {fitted_split} split by {name}"
    with spinner(text), run.timed("cluster"):
        clustering = cluster(clusterer, latents, fitted_split)
    fitted = clustering.clusters[fitted_split]
    distances = distances_to_centres(clustering.estimator, latents[fitted_split], fitted)
    path = run.directory / "clusterers" / f"{name}.skops"
    with replacing(path) as partial_file:
        save_clusterer(partial_file, clustering.estimator)
    with replacing(path.with_suffix(".npz")) as partial_file:
        np.savez(partial_file, **parameters_of(clustering.estimator))  # type: ignore[arg-type]
    if distances is not None:
        run.metrics[f"{name}/distance_limit"] = float(np.quantile(distances, FAR_QUANTILE))
    run.metrics.update({f"{name}/{key}": value for key, value in clustering.statistics.items()})
    for warning in clustering.warnings:
        run.warn(f"{name}: {warning}")
    return clustering


def _decoded_centres(
    clusterings: Mapping[str, Clustering], encoder: Encoder
) -> dict[str, np.ndarray]:
    if not encoder.can_decode:
        return {}
    found = {name: centres_of(made.estimator) for name, made in clusterings.items()}
    return {name: decode_all(encoder, c) for name, c in found.items() if c is not None}


def _write(
    run: Run,
    source: ImageSource,
    made: Evaluation,
    labels: Labels,
    centres: Mapping[str, np.ndarray],
) -> None:
    shown = source.shown_split
    matchings = {key: found.confusion.matching for key, found in made.scored.items()}
    if made.clusterings:
        path = run.directory / ASSIGNMENTS
        write_assignments(path, made.clusterings, labels, matchings)
    write_summary(run.directory, made.clusterings, made.scored)
    images = source.splits[shown].images
    write_thumbnails(run.directory / "thumbnails.npz", shown, images, centres)


def _draw(
    run: Run,
    source: ImageSource,
    made: Evaluation,
    labels: Labels,
    centres: Mapping[str, np.ndarray],
    display: Display,
) -> None:
    show = partial(publish, run, display)
    shown, fitted = source.shown_split, source.fitted_split
    images = source.splits[shown].images
    for (name, split), scored in made.scored.items():
        if split == shown:
            draw = partial(draw_scored, scored, labels.names, f"{name}, {split}")
            show(f"{name}/{split}/confusion_raw", partial(draw, matched=False))
            show(f"{name}/{split}/confusion_matched", partial(draw, matched=True))
    show("dataset", partial(draw_first_images, source.splits[fitted].images, fitted, labels))
    for name, clustering in made.clusterings.items():
        found = made.scored.get((name, shown))
        matching = {} if found is None else found.confusion.matching
        samples = (clustering, shown, images, matching, labels, name)
        show(f"{name}/{shown}/samples", partial(draw_samples, *samples))
        if name in centres:
            draw = partial(draw_centres, centres[name], matching, labels, name)
            show(f"{name}/{shown}/centres", draw)
    planes = partial(draw_clusters_in_planes, made.clusterings, made.latents[shown], shown)
    show(f"latents/{shown}", planes)


def _show_latents(source: ImageSource, made: Evaluation, labels: Labels, display: Display) -> None:
    shown = source.shown_split
    names = labels.named(shown)
    columns = {} if names is None else {"class": names}
    for name, clustering in made.clusterings.items():
        columns[f"cluster of {name}"] = clustering.clusters[shown].astype(str).tolist()
    display.latents(made.latents[shown], source.splits[shown].images, columns)
