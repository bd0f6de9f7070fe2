"""Encode, cluster, score, draw and write. This module does not import Lightning."""

from collections.abc import Mapping
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from fmclust.clustering import (
    Clustering,
    cluster,
    save_clusterer,
    shapes,
    stored_arrays,
    takes_prototypes,
    with_prototypes,
)
from fmclust.clustering.estimators import Floats
from fmclust.data import ImageSource, border_brightness
from fmclust.errors import one_line
from fmclust.evaluation.assignments import write_assignments
from fmclust.evaluation.progress import progress_bar, spinner
from fmclust.evaluation.publishing import Display, publish
from fmclust.evaluation.results import Evaluation
from fmclust.evaluation.summary import write_summary
from fmclust.evaluation.thumbnails import write_thumbnails
from fmclust.metrics import Confusion, confusion_of, scores_of
from fmclust.models import Encoder, Prototypes, decode_all, encode_all, reconstruction_errors
from fmclust.runs import Run, replacing

NOWHERE = Display()
MIN_SPREAD = 1e-3  # standard deviation over mean size of latents; 0.1 or more if trained well
Latents = Mapping[str, NDArray[np.float32]]  # split to array of shape (N, d)


def encode_images(run: Run, encoder: Encoder, source: ImageSource) -> Latents:
    """Encode all images and write latents.npz; return split to latents.

    latents.npz is not written for an encoder whose latents are the images themselves.

    Args:
        run: The run that files and numbers are added to.
        encoder: Encodes on its current device.
        source: The images.
    """
    images = {name: split.images for name, split in source.splits.items()}
    n_images = sum(map(len, images.values()))
    with run.timed("encode"), progress_bar(f"Encoding {n_images:,} images", n_images) as advance:
        latents = {name: encode_all(encoder, split, advance) for name, split in images.items()}
    fitted = source.fitted_split
    run.facts["border"] = border_brightness(images[fitted].numpy())
    if encoder.keeps_latents:
        run.write_latents(latents)
    if encoder.trains and encoder.can_decode:
        with run.timed("encode"):
            errors = reconstruction_errors(encoder, images[fitted], latents[fitted])
        run.metrics["reconstruction_limit"] = float(np.quantile(errors, shapes.FAR_QUANTILE))
    run.facts["encoded"] = True
    run.write_metrics()  # if the process is killed from here on, `cluster` continues
    run.write_status("running")
    return latents


def _is_collapsed(latents: NDArray[np.float32]) -> bool:
    """Return whether the latents, of shape (N, d), are nearly equal; see `MIN_SPREAD`."""
    spread, size = latents.std(axis=0).max(), np.abs(latents).mean(axis=0).max()
    return bool(spread <= MIN_SPREAD * size)


def evaluate_latents(
    run: Run,
    encoder: Encoder,
    source: ImageSource,
    latents: Latents,
    clusterers: Mapping[str, BaseEstimator],
    display: Display = NOWHERE,
) -> Evaluation:
    """Cluster latents, score the clusters, and write and draw the results.

    The clusterers work in float64, except on pixels, which take too much memory.

    Labels are used only for scores, after everything is fitted and assigned. If a clusterer
    fails, the others still run; the run then ends as failed, with their results.

    Args:
        run: The run that files and numbers are added to.
        encoder: Decodes the centres on its current device, if it can.
        source: The images and, if there are any, their labels.
        latents: The latents of the images.
        clusterers: Name to unfitted scikit-learn estimator.
        display: Where else to show results.
    """
    run.remove_clusterings()
    if encoder.trains and _is_collapsed(latents[source.fitted_split]):
        run.warn(
            "the encoder gives all images nearly the same latents: train it for more epochs, or "
            "with a lower model.lr"
        )
    clusterers = {name: _completed(c, encoder.prototypes) for name, c in clusterers.items()}
    inputs: Mapping[str, Floats] = latents
    if encoder.keeps_latents:
        inputs = {split: rows.astype(np.float64) for split, rows in latents.items()}
    clusterings = {}
    for name, clusterer in clusterers.items():
        with run.attempt(name, stage="cluster"):
            clusterings[name] = _cluster(run, name, clusterer, inputs, source.fitted_split)
    return evaluate_clusterings(run, encoder, source, latents, clusterings, display)


def evaluate_clusterings(
    run: Run,
    encoder: Encoder,
    source: ImageSource,
    latents: Latents,
    clusterings: Mapping[str, Clustering],
    display: Display = NOWHERE,
) -> Evaluation:
    """Score clusterings; write and draw the results; see `evaluate_latents`."""
    with spinner("Scoring and drawing"):
        confusions = _score(run, source, clusterings)
        centres = _decode_centres(run, encoder, clusterings)
        has_prior = encoder.prototypes is not None
        made = Evaluation(source, latents, clusterings, confusions, centres, has_prior)
        if clusterings:
            write_assignments(run.directory, made)
        write_summary(run.directory, made)
        write_thumbnails(run.directory, made)
        _draw(run, made, display)
        with run.attempt("not every logger shows the latents"), run.timed("logging"):
            _show_latents(made, display)
    with run.attempt("not every logger has the final scores"):
        display.scalars({k: v for k, v in run.metrics.items() if not k.startswith("loss/")})
    return made


def _completed(clusterer: BaseEstimator, prototypes: Prototypes | None) -> BaseEstimator:
    """Return a clusterer, with the prototypes of the encoder if it takes any."""
    if prototypes is None or not takes_prototypes(clusterer):
        return clusterer
    centres, offsets = prototypes.centres.cpu().numpy(), prototypes.offsets.cpu().numpy()
    return with_prototypes(clusterer, centres, offsets, prototypes.temperature)


def _cluster(
    run: Run,
    name: str,
    clusterer: BaseEstimator,
    latents: Mapping[str, Floats],
    fitted_split: str,
) -> Clustering:
    """Fit a clusterer on one split, assign all splits, and save the fitted estimator."""
    n, d = latents[fitted_split].shape
    text = f"Clustering {n:,} x {d:,} latents of the {fitted_split} split by {name}"
    with spinner(text), run.timed("cluster"):
        made = cluster(clusterer, latents, fitted_split)
    save_clustering(run, name, made, latents, fitted_split)
    return made


def save_clustering(
    run: Run,
    name: str,
    made: Clustering,
    latents: Mapping[str, Floats],
    fitted_split: str,
) -> None:
    """Save the fitted estimator of a clustering, and add its statistics to the run.

    Args:
        run: The run that files and numbers are added to.
        name: Name of the clusterer.
        made: The clustering.
        latents: Split to float array of shape (N, d).
        fitted_split: The split by whose distances later latents are judged to be far.
    """
    path = run.directory / "clusterers" / f"{name}.skops"
    with replacing(path) as partial_file:
        save_clusterer(partial_file, made.estimator)
    with replacing(path.with_suffix(".npz")) as partial_file:
        np.savez(partial_file, allow_pickle=False, **stored_arrays(made.estimator))
    distances = shapes.distances_to_centres(
        made.estimator, latents[fitted_split], made.clusters[fitted_split]
    )
    if distances is not None:
        run.metrics[f"{name}/distance_limit"] = float(np.quantile(distances, shapes.FAR_QUANTILE))
    run.metrics.update({f"{name}/{key}": value for key, value in made.statistics.items()})
    for warning in made.warnings:
        run.warn(f"{name}: {warning}")


def _score(
    run: Run, source: ImageSource, clusterings: Mapping[str, Clustering]
) -> dict[tuple[str, str], Confusion]:
    """Add the scores of every clustering on every split with labels to the run's metrics."""
    confusions, n_classes = {}, len(source.class_names or ())
    for (split, held), (name, made) in product(source.splits.items(), clusterings.items()):
        if held.labels is not None:
            ids, classes = made.clusters[split], held.labels.numpy()
            found = confusion_of(ids, classes, n_clusters=made.n_clusters, n_classes=n_classes)
            confusions[name, split] = found
            scores = scores_of(found, ids, classes)
            run.metrics.update({f"{name}/{split}/{key}": v for key, v in scores.items()})
    return confusions


def _decode_centres(
    run: Run, encoder: Encoder, clusterings: Mapping[str, Clustering]
) -> dict[str, NDArray[np.uint8]]:
    """Return clusterer to its decoded centres, uint8 (k, H, W) or (k, H, W, 3), if any."""
    decoded = {}
    for name, clustering in clusterings.items():
        centres = shapes.centres_of(clustering.estimator) if encoder.can_decode else None
        if centres is not None:
            with run.attempt(f"the decoded centres of {name} are missing"):
                decoded[name] = decode_all(encoder, centres)
    return decoded


def _draw(run: Run, made: Evaluation, display: Display) -> None:
    if not run.wants_figures:
        return
    from fmclust.evaluation import figures  # imports matplotlib

    show, shown = partial(publish, run, display), made.source.shown_split
    show("dataset", partial(figures.draw_first_images, made, made.source.fitted_split))
    for name in made.clusterings:
        tag = f"{name}/{shown}"
        if (name, shown) in made.confusions:
            for matched, kind in ((False, "raw"), (True, "matched")):
                draw = partial(figures.draw_confusion, made, name, shown, matched=matched)
                show(f"{tag}/confusion_{kind}", draw)
        show(f"{tag}/samples", partial(figures.draw_samples, made, name, shown))
        if name in made.centres:
            show(f"{tag}/centres", partial(figures.draw_centres, made, name, shown))
    show(f"latents/{shown}", partial(figures.draw_clusters_in_planes, made, shown))


def _show_latents(made: Evaluation, display: Display) -> None:
    shown = made.source.shown_split
    names = [one_line(name) for name in made.class_name_of_each(shown)]  # a line for each image
    columns = {"class": names} if names else {}
    for name, clustering in made.clusterings.items():
        columns[f"cluster of {name}"] = clustering.clusters[shown].astype(str).tolist()
    display.latents(made.latents[shown], made.source.splits[shown].images, columns)
