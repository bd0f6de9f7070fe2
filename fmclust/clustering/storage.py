"""Save and load fitted estimators with skops: loading a file runs no code from it."""

from pathlib import Path

from sklearn.base import BaseEstimator

from fmclust.errors import UserError, one_line, reading, refuse_bomb
from fmclust.trust import own_packages

# Trusted types in addition to those of scikit-learn and NumPy, which skops trusts.
TRUSTED = [
    "fmclust.clustering.balanced.BalancedKMeans",
    "fmclust.clustering.balanced.PrototypeClusterer",
    "fmclust.clustering.components.LeadingComponents",
    "fmclust.clustering.components.Whitening",
    "fmclust.clustering.inductive.GraphAgglomerative",
    "fmclust.clustering.inductive.InductiveClusterer",
    "umap.umap_.UMAP",
]


def save_clusterer(path: Path, clusterer: BaseEstimator) -> None:
    """Write a fitted estimator with skops, which adds the version of its library.

    Raises:
        UserError: If skops can't save the estimator.
    """
    import skops.io  # imported here: it lists all types of SciPy, which takes seconds

    try:
        skops.io.dump(clusterer, path)
    except (RecursionError, TypeError, ValueError, AttributeError) as error:
        name = type(clusterer).__name__
        raise UserError(f"{name} can't be saved by skops: {one_line(error)}") from error


def load_clusterer(path: Path) -> BaseEstimator:
    """Read a fitted estimator.

    Raises:
        UserError: If the file is damaged, or holds a type that is not trusted.
    """
    import skops.io

    with reading(path):
        refuse_bomb(path)
        types = skops.io.get_untrusted_types(file=path)
        own = [name for name in types if name.partition(".")[0] in own_packages()]
        if unknown := sorted({*types} - {*TRUSTED, *own}):
            raise UserError(
                f"{path} is refused: it holds {', '.join(unknown)}, which is not trusted."
            )
        found = skops.io.load(path, trusted=[*TRUSTED, *own])
        if not isinstance(found, BaseEstimator):
            raise UserError(
                f"{path} is refused: it holds a {type(found).__name__}, not an estimator."
            )
        return found
