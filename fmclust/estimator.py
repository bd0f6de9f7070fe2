"""`ImageClusterer`: a run of the main job in scikit-learn's manner."""

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from numpy.typing import NDArray
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from pytorch_lightning.utilities.seed import isolate_rng
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fmclust.config.command import quote_path
from fmclust.config.mistakes import explain
from fmclust.config.schema import (
    check,
    clusters_after,
    conf_directory,
    folder_of_pictures,
    register_schema,
    sort_target,
)
from fmclust.data import build_source, option_for
from fmclust.data.arrays import ImageArray
from fmclust.errors import UserError
from fmclust.inference import load_run
from fmclust.jobs.run import run_job
from fmclust.jobs.sorting import sort_run
from fmclust.models import encode_all
from fmclust.runs import IMAGES_FILE, read_assignments
from fmclust.terminal import progress_shown

MAX_DRAWN = 2**31 - 1  # seeds that a RandomState draws
FITTING = threading.RLock()  # Hydra and the seeds are global
Images = NDArray[Any] | str | os.PathLike[str]


class ImageClusterer(ClusterMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Cluster images: train an encoder, cluster its latents, keep everything as a run.

    The parameters are those of `python -m fmclust.train`; `overrides` reaches all others. Fitting
    twice with equal parameters gives equal results on the CPU. `GridSearchCV` is not supported:
    there is no label-free score to maximize over different encoders; use a sweep instead.

    Args:
        n_clusters: Number of clusters; "auto" estimates it from the latents, and
            `run_.config.n_clusters` is the estimate.
        model: Option of `model=`.
        cluster: Option of `cluster=`, or several; `labels_` and `predict` are of the first.
        max_epochs: Epochs of training; not used by models that train nothing.
        random_state: Seed of everything random; None, or a NumPy RandomState, draws one.
        overrides: More overrides, as on the command line: `["model.latents=16"]`.
        directory: Directory of the run, which is kept. None: a temporary one, which is removed with
            the object; copies of the object (pickle, joblib) still predict.
        verbose: Whether to print the progress.

    Attributes:
        run_: The finished run; its directory holds the page `report.html` and all other results.
        labels_: int64 array of shape (N,): cluster ids, in the order of the images; -1 is noise.
        latents_: float32 array of shape (N, d), in the same order.
        image_names_: Name of each image: its position in an array, or its path in a folder.

    Examples:
        >>> from sklearn.datasets import load_digits
        >>> images = load_digits().images / 16  # floats of shape (1797, 8, 8)
        >>> clusterer = ImageClusterer(model="pixels", cluster="kmeans", verbose=False)
        >>> clusterer.fit_predict(images).shape
        (1797,)
    """

    def __init__(
        self,
        *,
        n_clusters: int | str = 10,
        model: str = "convae",
        cluster: str | Sequence[str] = "gmm",
        max_epochs: int = 45,
        random_state: int | np.integer | np.random.RandomState | None = 0,
        overrides: Sequence[str] = (),
        directory: str | os.PathLike[str] | None = None,
        verbose: bool = True,
    ) -> None:
        self.n_clusters, self.model, self.cluster = n_clusters, model, cluster
        self.max_epochs, self.random_state, self.overrides = max_epochs, random_state, overrides
        self.directory, self.verbose = directory, verbose

    def fit(self, X: Images, y: None = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Train, encode and cluster.

        Args:
            X: Array of shape (N, H, W), (N, H, W, 1) or (N, H, W, 3), uint8 or any other numbers,
                or a path that `data=` reads: a folder of pictures, a file of arrays, a table.
            y: Not used.

        Raises:
            UserError: If a parameter or the images are invalid, or a clusterer fails.
        """
        with FITTING:
            return self._fit(X)

    def _fit(self, X: Images) -> Self:
        temporary = (
            tempfile.TemporaryDirectory(prefix="fmclust-") if self.directory is None else None
        )
        directory = Path(temporary.name) if temporary is not None else self._new_directory()
        path = directory / IMAGES_FILE
        images: NDArray[Any] | None = None
        if isinstance(X, str | os.PathLike):
            path = Path(os.path.abspath(X))
        else:
            images = np.asarray(X)
            ImageArray.of(images, "X")  # refuses what is no images
        typed = [*self._overrides(), f"data={option_for(path)}", quote_path(f"data.root={path}")]
        more = [self.overrides] if isinstance(self.overrides, str) else self.overrides
        typed += map(quote_path, more)
        config = composed(typed)
        if not clusters_after(config):
            raise UserError("there would be no clusters: leave out ~callbacks.cluster_latents.")
        check(config)
        target = sort_target(config, folder_of_pictures(config))
        if images is not None:
            np.save(path, images, allow_pickle=False)
        with _progress_printed(self.verbose), isolate_rng():
            run_job(config, directory, typed)
            if target is not None:
                sort_run(directory, target, has_sheets=config.contact_sheets)
            run = load_run(directory)
            for name in run.clusterers:  # a copy of this object outlives a temporary directory
                run.matching(name)
            self.run_, self._temporary = run, temporary
            self._set_results()
        return self

    def predict(self, X: Images) -> NDArray[np.int64]:
        """Return the cluster ids of images, int64 of shape (N,), in their order.

        Args:
            X: As for `fit`; images are resized to those of the run if it is a path, and those
                that can't be read are left out, with a warning.

        Raises:
            UserError: If the images can't be read, or an array has another image size.
        """
        check_is_fitted(self)
        parts = [self.run_.assign(images).clusters for images in self._read(X)]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def transform(self, X: Images) -> NDArray[np.float32]:
        """Return the latents of images, float32 of shape (N, d); see `predict`."""
        check_is_fitted(self)
        parts = [self.run_.encode(images) for images in self._read(X)]
        return np.concatenate(parts) if parts else self.latents_[:0]

    def _new_directory(self) -> Path:
        """Return `directory`, which must be empty."""
        directory = Path(os.path.abspath(str(self.directory)))
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UserError(f"{directory} is not empty: give directory= a new one.")
        return directory

    def _overrides(self) -> list[str]:
        """Return the parameters as overrides."""
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(MAX_DRAWN)
        several = not isinstance(self.cluster, str)
        cluster = f"[{','.join(self.cluster)}]" if several else self.cluster
        return [
            f"model={self.model}",
            f"cluster={cluster}",
            f"n_clusters={self.n_clusters}",
            f"trainer.max_epochs={self.max_epochs}",
            f"seed={int(seed)}",
        ]

    def _set_results(self) -> None:
        """Put the clusters and latents of all splits into the order of the images."""
        run = self.run_
        clusters = read_assignments(run.directory, run.clusterers[0])
        source = build_source(run.config.data)
        splits = source.splits
        if run.encoder.keeps_latents:
            latents = run.latents
        else:
            latents = {name: encode_all(run.encoder, held.images) for name, held in splits.items()}
        names = list[str]()
        for name, held in splits.items():
            names += held.names or [f"{name}/{row}" for row in range(len(held))]
        order = sorted(range(len(names)), key=lambda row: source.rank(names[row]))
        self.image_names_ = [names[row] for row in order]
        self.labels_ = np.concatenate([clusters[name] for name in splits])[order]
        self.latents_ = np.concatenate([latents[name] for name in splits])[order]

    def _read(self, X: Images) -> Iterator[NDArray[np.uint8]]:
        """Yield images as uint8 in batches, prepared as those of the run were."""
        run, invert = self.run_, bool(self.run_.config.data.get("invert"))
        if isinstance(X, str | os.PathLike):
            opened = run.open_input(Path(X))
            for batch in opened.read():
                yield 255 - batch.images if invert else batch.images
            for text in opened.warnings():
                warnings.warn(text, stacklevel=3)
        else:
            images = run.to_uint8(np.asarray(X))
            yield 255 - images if invert else images


def composed(overrides: Sequence[str]) -> DictConfig:
    """Compose the configuration of `python -m fmclust.train`, and leave no state in Hydra.

    Raises:
        UserError: If an override is invalid.
    """
    state = Singleton.get_state()  # of Hydra, which another application may be using
    try:
        GlobalHydra.instance().clear()
        register_schema()
        with initialize_config_dir(str(conf_directory()), version_base="1.3"):
            return compose("config", list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, "config")) from error
    finally:
        Singleton.set_state(state)


@contextmanager
def _progress_printed(verbose: bool) -> Iterator[None]:
    """Print the messages of fmclust, if `verbose`, else only its warnings."""
    ours = logging.getLogger("fmclust")
    before = ours.level
    handler = logging.StreamHandler(sys.stdout)
    handler.setLevel(logging.INFO if verbose else logging.WARNING)
    handler.setFormatter(logging.Formatter("%(message)s"))
    ours.addHandler(handler)
    try:
        with progress_shown(verbose):
            yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
