"""Fitted estimators as files, by skops: opening one runs no code that it carries."""

from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from fmclust.errors import UserError, one_line, reading, refuse_bomb
from fmclust.trust import own_packages

# Beyond what skops trusts by itself (scikit-learn's and NumPy's own types).
TRUSTED = [
    "fmclust.clustering.inductive.GraphAgglomerative",
    "fmclust.clustering.inductive.InductiveClusterer",
    "umap.umap_.UMAP",
]


def save_clusterer(path: Path, clusterer: Any) -> None:
    """Writes a fitted estimator; skops keeps the library's version with it.

    Raises:
        UserError: If skops can't express it.
    """
    import skops.io  # it lists all types of SciPy and scikit-learn, which takes seconds

    try:
        skops.io.dump(clusterer, path)
    except (RecursionError, TypeError, ValueError, AttributeError) as error:
        kind = type(clusterer).__name__
        raise UserError(f"{kind} can't be saved by skops: {one_line(error)}") from error


def load_clusterer(path: Path) -> Any:
    """Reads a fitted estimator.

    Raises:
        UserError: If the file is damaged, or holds a type that is not trusted.
    """
    import skops.io

    with reading(path):
        refuse_bomb(path)
        types = skops.io.get_untrusted_types(file=path)
        own = [name for name in types if name.partition(".")[0] in own_packages()]
        unknown = sorted({*types} - {*TRUSTED, *own})
        if unknown:
            named = ", ".join(unknown)
            raise UserError(f"{path} is refused: it holds {named}, which is not trusted.")
        found = skops.io.load(path, trusted=[*TRUSTED, *own])
        if not isinstance(found, BaseEstimator):
            raise UserError(f"{path} is refused: it holds a {type(found).__name__}, no estimator.")
        return found
