"""Steps before a clusterer, fitted to all latents by MLlib, as transformers of scikit-learn."""

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.preprocessing import Normalizer, StandardScaler

from fmclust.clustering.components import MIN_SPREAD
from fmclust.errors import require_option
from fmclust.spark.latents import COLUMN, Rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WHITEN, UNIT = "whiten", "unit"


def fit_steps(rows: Rows, preprocessing: str | None) -> dict[str, BaseEstimator]:
    """Fit the steps before a clusterer.

    Args:
        rows: The latents.
        preprocessing: `whiten` for uncorrelated axes of unit variance; `unit` for latents that are
            centred and divided by their lengths, as those of contrastive encoders; or None.

    Returns:
        Name to fitted transformer.

    Raises:
        UserError: If the preprocessing is unknown.
    """
    if preprocessing is None:
        return {}
    require_option("preprocessing", preprocessing, (WHITEN, UNIT))
    if preprocessing == WHITEN:
        return {"whiten": _whitening(rows)}
    return {"centre": _centring(rows), "unit": Normalizer().fit(np.zeros((1, rows.d)))}


def vectors_of(rows: Rows) -> "DataFrame":
    """Return a table with the latents as MLlib's vectors, in the column `vectors`."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as f

    return rows.table.select(array_to_vector(f.col(COLUMN)).alias("vectors"))


def _whitening(rows: Rows) -> PCA:
    """Return PCA with whitening, without the axes along which the latents are constant."""
    from pyspark.ml import feature

    vectors = vectors_of(rows)
    axes = feature.PCA(k=rows.d, inputCol="vectors", outputCol="scores").fit(vectors)
    scores = feature.StandardScaler(inputCol="scores").fit(axes.transform(vectors))
    spread, rotation = scores.std.toArray(), axes.pc.toArray()
    kept = spread > MIN_SPREAD * spread.max()
    pca = PCA(n_components=int(kept.sum()), whiten=True)
    pca.mean_ = rotation @ scores.mean.toArray()
    pca.components_, pca.explained_variance_ = rotation.T[kept], spread[kept] ** 2
    pca.n_components_, pca.n_features_in_, pca.n_samples_ = pca.n_components, rows.d, rows.n
    return pca


def _centring(rows: Rows) -> StandardScaler:
    """Return a scaler that only subtracts the means."""
    from pyspark.ml import feature

    means = feature.StandardScaler(inputCol="vectors").fit(vectors_of(rows)).mean
    scaler = StandardScaler(with_std=False)
    scaler.mean_, scaler.scale_, scaler.var_ = means.toArray(), None, None
    scaler.n_features_in_, scaler.n_samples_seen_ = rows.d, rows.n
    return scaler
