"""Fitted estimators as files, by skops: opening one runs no code that it carries."""

from pathlib import Path
from typing import Any

import skops.io

from fmclust.errors import UserError, blaming

# Beyond what skops trusts by itself (scikit-learn's and NumPy's own types).
TRUSTED = [
    "fmclust.clustering.propagation.GraphAgglomerative",
    "fmclust.clustering.propagation.Propagated",
    "umap.umap_.UMAP",
]


def save_clusterer(path: Path, clusterer: Any) -> None:
    """Writes a fitted estimator; skops keeps the library's version with it."""
    skops.io.dump(clusterer, path)


def load_clusterer(path: Path) -> Any:
    """Reads a fitted estimator.

    Raises:
        UserError: If the file is damaged, or holds a type that is not trusted.
    """
    with blaming(path):
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        if unknown:
            named = ", ".join(unknown)
            raise UserError(f"{path} is refused: it holds {named}, which is not trusted.")
        return skops.io.load(path, trusted=TRUSTED)
