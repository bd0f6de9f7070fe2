"""Choose the number of clusters after encoding: n_clusters=auto."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf
from sklearn.base import BaseEstimator

from fmclust.clustering import (
    MIN_LATENTS,
    agreement_by_k,
    most_stable,
    numbers_to_try,
    sample_for,
)
from fmclust.clustering.sizes import fitted_number
from fmclust.config.schema import AUTO
from fmclust.errors import UserError
from fmclust.evaluation import Display, publish
from fmclust.evaluation.progress import progress_bar
from fmclust.evaluation.stage import NOWHERE
from fmclust.runs import AGREEMENT, Run, write_rows, write_text
from fmclust.trust import leaves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)
TRIAL = 2  # the number with which parameters are checked before the choice
NAMES = ("n_clusters", "n_components")  # of the parameters that may follow n_clusters


def following_keys(config: DictConfig, group: str) -> list[str]:
    """Return the keys whose values follow `n_clusters=auto`, in their order.

    Args:
        config: Configuration of the job; interpolations may be resolved or not.
        group: `cluster` or `model`.
    """
    if config.n_clusters != AUTO:
        return []
    plain: Any = OmegaConf.to_container(OmegaConf.select(config, group), resolve=True)
    values = leaves(plain, group)
    return [key for key, v in values if v == AUTO and key.rpartition(".")[2] in NAMES]


def set_trial_number(
    config: DictConfig, clusterers: Mapping[str, BaseEstimator], n_latents: int
) -> None:
    """Give the estimators whose number is not chosen yet a valid one, so that they can be checked.

    Args:
        config: Configuration of the job; it is not changed.
        clusterers: Name to unfitted estimator, built from the configuration; empty if none is.
        n_latents: Number of latents to fit them to.

    Raises:
        UserError: If there are too few latents to choose a number, or sizes of clusters are given.
    """
    keys = following_keys(config, "cluster") if clusterers else []
    for key in keys:
        own = f"{key.rpartition('.')[0]}.sizes"
        if (sizes := OmegaConf.select(config, own)) is not None:
            raise UserError(
                f"n_clusters={AUTO} can't be used with {own}: type n_clusters={len(sizes)}, the "
                "number of sizes."
            )
    if keys and n_latents < MIN_LATENTS:
        raise UserError(
            f"n_clusters={AUTO} needs {MIN_LATENTS} images to fit to, and there are {n_latents}: "
            "type n_clusters= with a whole number from 1 on."
        )
    _set_parameters(clusterers, keys, TRIAL)


def choose_number(
    run: Run,
    config: DictConfig,
    clusterers: Mapping[str, BaseEstimator],
    latents: NDArray[np.float32],
    display: Display = NOWHERE,
) -> None:
    """Choose the number of clusters by stability, if it is `auto` and a clusterer follows it.

    The number is set in the estimators, in the configuration and in the run's config.yaml, so that
    later commands find a number there. The curve is n_clusters.csv and the figure `n_clusters`.

    Args:
        run: The run that files and facts are added to.
        config: Configuration of the job.
        clusterers: Name to unfitted estimator; the first that follows decides by its steps how the
            latents are seen.
        latents: float32 array of shape (N, d), the latents to fit to.
        display: Where else to show the figure.
    """
    keys = following_keys(config, "cluster")
    if not keys:
        return
    followers = [clusterers[key.split(".")[1]] for key in keys]
    with run.timed("cluster"):
        rows = _agreements(followers, latents, config.seed)
    best = most_stable(rows)
    k, agreement = int(best["k"]), best["agreement"]
    write_rows(run.directory / AGREEMENT, rows)
    publish(run, display, "n_clusters", partial(_draw, rows, k))
    run.facts["estimate"] = {"n_clusters": k, "agreement": agreement}
    _set_parameters(clusterers, keys, k)
    for key in ("n_clusters", *keys, *following_keys(config, "model")):
        OmegaConf.update(config, key, k)
    write_text(run.directory / "config.yaml", OmegaConf.to_yaml(config, resolve=True))
    log.info(
        f"n_clusters={AUTO}: {k}, an estimate (clusterings of random halves agree best, mean ARI "
        f"{agreement:.2f}; {AGREEMENT})"
    )


def _draw(rows: list[dict[str, float]], k: int) -> "Figure":
    from fmclust.plots import draw_agreement  # imports matplotlib

    return draw_agreement(rows, k)


def _agreements(
    clusterers: Sequence[BaseEstimator], latents: NDArray[np.float32], seed: int
) -> list[dict[str, float]]:
    """Return the rows of `agreement_by_k` for all numbers to try, and show the progress."""
    seen = sample_for(clusterers[0], latents, seed=seed)
    most = min(fitted_number(clusterer, len(latents)) for clusterer in clusterers)
    numbers, rows = numbers_to_try(seen, most), list[dict[str, float]]()
    text = f"Choosing the number of clusters with {len(seen):,} latents"
    with progress_bar(text, len(numbers)) as advance:
        for row in agreement_by_k(seen, numbers, seed=seed):
            rows.append(row)
            advance(1)
    return rows


def _set_parameters(clusterers: Mapping[str, BaseEstimator], keys: list[str], k: int) -> None:
    """Set the parameters of estimators that keys such as `cluster.gmm.n_components` name."""
    for key in keys:
        _, name, *path = key.split(".")
        clusterers[name].set_params(**{"__".join(path): k})
