"""Figures of clusterings: confusion matrices, members, decoded centres, clusters in planes."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline

from fmclust import plots
from fmclust.clustering import NOISE, shapes_of
from fmclust.clustering.estimators import Floats, Ids
from fmclust.clustering.shapes import Shapes
from fmclust.evaluation.results import Evaluation

MAX_CLUSTERS = 50  # clusters whose samples and centres are drawn
MAX_SAMPLES = 16  # images of a cluster
N_FIRST, N_COLUMNS = 30, 10  # images of the data set, and images in a row
CONFIDENCE = 0.95  # share of a cluster inside its outline
REACH = -2 * np.log(1 - CONFIDENCE)  # squared Mahalanobis distance of that outline in a plane
MAX_POINTS = 3000  # latents in a plane
MAX_PAIRS = 3  # planes of two latents each
MAX_LATENTS = 256  # dimensions; more are pixels, and a plane of two pixels shows nothing


def draw_confusion(made: Evaluation, name: str, split: str, *, matched: bool) -> Figure:
    """Draw a confusion matrix by cluster id, or by the class that each cluster is matched to."""
    confusion, class_names = made.confusions[name, split], made.class_names
    if matched:
        counts, kind = confusion.matched, "matched"
        names = confusion.matched_columns(class_names)
    else:
        counts, kind = confusion.raw, "raw"
        names = [*map(str, range(confusion.n_clusters)), *["noise"] * confusion.has_noise]
    title = f"{name}, {split}: accuracy {confusion.accuracy:.4f} ({kind})"
    return plots.draw_confusion(counts, class_names, title=title, cluster_names=names)


def draw_samples(made: Evaluation, name: str, split: str) -> Figure:
    """Draw members of every cluster, or of the largest, evenly spaced in their order."""
    clustering, pictures = made.clusterings[name], made.source.splits[split].pictures
    clusters = clustering.clusters[split]
    members, names = [], []
    largest = made.largest(name, split, MAX_CLUSTERS)
    for cluster in [*largest, *([NOISE] if (clusters < 0).any() else [])]:
        rows = np.flatnonzero(clusters == cluster)
        chosen = rows[np.linspace(0, len(rows) - 1, min(MAX_SAMPLES, len(rows))).astype(int)]
        members.append(pictures[chosen])
        names.append(f"{made.cluster_name(name, split, cluster)}: {len(rows):,}")
    which = _which(len(largest), clustering.n_clusters)
    title = f"{name}, {split}: samples of {which}, and sizes"
    return plots.draw_rows(members, names, title=title, inches=0.45)


def draw_centres(made: Evaluation, name: str, split: str) -> Figure:
    """Draw decoded centres, each with the class its cluster is matched to in a split."""
    centres, largest = made.centres[name], made.largest(name, split, MAX_CLUSTERS)
    names = [made.cluster_name(name, split, cluster) for cluster in largest]
    title = f"{name}: the centres of {_which(len(largest), len(centres))}, decoded"
    return plots.draw_named_images(centres[largest], names, n_columns=N_COLUMNS, title=title)


def _which(n_shown: int, n_clusters: int) -> str:
    if n_shown == n_clusters:
        return "all clusters"
    return f"the {n_shown} largest of {n_clusters:,} clusters"


def draw_first_images(made: Evaluation, split: str) -> Figure:
    """Draw the first images of a split, with the names of their classes if there are labels."""
    first = made.source.splits[split].pictures[:N_FIRST]
    names = made.class_name_of_each(split)[:N_FIRST]
    title = f"the first images of {split}"
    return plots.draw_named_images(first, names, n_columns=N_COLUMNS, title=title)


def draw_clusters_in_planes(made: Evaluation, split: str) -> Figure | None:
    """Draw a row of planes for every clusterer that has centres (the paper, section 1.3).

    The first plane is that of the first two principal components, the others are of two latents
    each. Ellipses are projections of the confidence ellipsoids of a mixture. A circle of k-means
    holds the same share of the members: one that reaches the most distant member, as in section
    4.3 of the paper, would hide the other clusters.

    Args:
        made: The clusterings, and latents of at least 2 dimensions.
        split: Name of the latents' split.

    Returns:
        The figure, or None if no clusterer has centres.
    """
    rows = [planes for name in made.clusterings if (planes := _planes(made, name, split))]
    title = f"clusters in the latents of {split}"
    return plots.draw_outlines(rows, title=title) if rows else None


def _planes(made: Evaluation, name: str, split: str) -> list[plots.Plane]:
    clustering, latents = made.clusterings[name], made.latents[split]
    clusters = clustering.clusters[split]
    shapes = shapes_of(clustering.estimator, latents)
    if shapes is None or not plots.spans_plane(shapes.latents):
        return []
    kind = "circles" if shapes.covariances is None else "ellipsoids"
    noun = "transformed latent" if isinstance(clustering.estimator, Pipeline) else "latent"
    chosen = slice(None, None, -(-len(latents) // MAX_POINTS))
    return [
        plots.Plane(
            f"{name}: {kind} of {CONFIDENCE:.0%}",
            axes,
            (shapes.latents[chosen] - origin) @ directions.T,
            clusters[chosen],
            (shapes.centres - origin) @ directions.T,
            _outlines(shapes, clusters, directions),
        )
        for axes, origin, directions in _views(shapes.latents, noun)
    ]


def _views(latents: Floats, noun: str) -> Iterator[tuple[tuple[str, str], Floats, Floats]]:
    """Yield planes: names of both axes, a point (d,) and two orthonormal directions (2, d)."""
    n_latents = latents.shape[1]
    pca = PCA(2, random_state=0).fit(latents)
    first, second = (f"{share:.0%}" for share in pca.explained_variance_ratio_)
    axes = (f"principal component 1 ({first})", f"principal component 2 ({second})")
    yield axes, pca.mean_, pca.components_
    if n_latents <= MAX_LATENTS:
        for i in range(0, min(2 * MAX_PAIRS, n_latents - 1), 2):
            directions = np.eye(n_latents)[[i, i + 1]]
            yield (f"{noun} {i}", f"{noun} {i + 1}"), np.zeros(n_latents), directions


def _outlines(shapes: Shapes, clusters: Ids, directions: Floats) -> Floats:
    """Return the matrix of each cluster's outline in a plane, shape (k, 2, 2).

    A circle or an ellipse holds `CONFIDENCE` of the members in the plane.
    """
    if shapes.covariances is not None:
        outlines: Floats = REACH * (directions @ shapes.covariances @ directions.T)
        return outlines
    distances = np.linalg.norm((shapes.latents - shapes.centres[clusters]) @ directions.T, axis=1)
    members = (distances[clusters == cluster] for cluster in range(len(shapes.centres)))
    radii = np.array([np.quantile(near, CONFIDENCE) if len(near) else 0.0 for near in members])
    circles: Floats = radii[:, None, None] ** 2 * np.eye(2)
    return circles
