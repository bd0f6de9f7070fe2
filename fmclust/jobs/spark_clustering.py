"""Cluster the latents in Parquet files on Apache Spark, into clusterings/<name>/ of a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from fmclust import clustering
from fmclust.errors import UserError
from fmclust.evaluation import evaluate_clusterings, save_clustering
from fmclust.inference.loaded_run import load_fitted
from fmclust.jobs.recluster import (
    claimed_clustering,
    configured,
    latents_of,
    one_by_one,
    open_to_cluster,
)
from fmclust.metrics import scores_of_counts
from fmclust.runs import (
    CLUSTERINGS_FILE,
    LATENTS,
    Run,
    read_clusterings,
    write_json,
)
from fmclust.spark.estimators import SparkClusterer
from fmclust.spark.latents import Rows, open_latents
from fmclust.spark.paths import absolute
from fmclust.spark.progress import tasks_shown
from fmclust.spark.scoring import Counts, count_rows
from fmclust.spark.session import LOG, SparkSettings, one_line_errors, spark_session
from fmclust.trust import build_all


def cluster_on_spark(
    directory: Path, wanted: DictConfig, names: Mapping[str, str], overrides: list[str]
) -> Iterator[Path]:
    """Fit clusterers to latents in Parquet files, and assign the images of the run as well.

    Args:
        directory: Directory of the run whose encoder has made the latents.
        wanted: Configuration composed from `conf/cluster.yaml`; null keeps the run's value.
        names: Clusterer to the name of its clustering.
        overrides: The overrides as typed.

    Yields:
        The directory of each clustering.

    Raises:
        UserError: If something is missing or refused; if a clusterer failed, after the others have
            finished.
    """
    run, source = open_to_cluster(directory, wanted, names)
    latents = latents_of(run, source)
    where, log = absolute(str(wanted.latents)), directory / LOG
    with spark_session(SparkSettings.of(wanted.spark), log) as session:
        with tasks_shown(session, f"Checking {where}"):
            rows = open_latents(session, where, wanted.labels)
        _require_same_width(rows, where, latents[source.fitted_split].shape[1])

        def add(key: str, name: str) -> Path:
            config = configured(run, wanted, {key: name})
            clusterer: SparkClusterer = build_all(config.cluster, SparkClusterer)[name]
            clusterer.check()
            with (
                claimed_clustering(run, source, config, name, overrides) as claimed,
                one_line_errors(log),
            ):
                made = _fit(claimed, name, clusterer, rows, latents, source.fitted_split)
                evaluate_clusterings(claimed, run.encoder, source, latents, {name: made})
                counts = _count(claimed, name, rows, made.n_clusters, run.class_names)
                _note_counts(claimed, name, where, rows, counts)
            return claimed.directory

        yield from one_by_one(directory, names, add)


def _fit(
    run: Run,
    name: str,
    clusterer: SparkClusterer,
    rows: Rows,
    latents: Mapping[str, NDArray[Any]],
    fitted_split: str,
) -> clustering.Clustering:
    """Fit a clusterer to all rows, save it, and assign the latents of the run."""
    text = f"Clustering {rows.n:,} x {rows.d:,} latents by {name}"
    with tasks_shown(rows.table.sparkSession, text), run.timed("cluster"):
        fitted = clusterer.fit_rows(rows)
    inputs = {split: own.astype(np.float64) for split, own in latents.items()}
    made = clustering.clustering_by(fitted.estimator, inputs, fitted_split, fitted.warnings)
    made = replace(made, statistics={**made.statistics, **fitted.statistics})
    save_clustering(run, name, made, inputs, fitted_split)
    return made


def _count(run: Run, name: str, rows: Rows, n_clusters: int, class_names: Sequence[str]) -> Counts:
    """Count all rows by cluster and label."""
    with tasks_shown(rows.table.sparkSession, f"Counting the clusters of {name}"):
        return count_rows(rows, load_fitted(run.directory, name), n_clusters, class_names)


def _require_same_width(rows: Rows, where: str, d: int) -> None:
    if rows.d != d:
        raise UserError(
            f"latents={where} has latents of {rows.d} numbers, and the encoder of the run makes "
            f"{d}: type latents=<the output of assign with this run and engine=spark>."
        )


def _note_counts(run: Run, name: str, where: str, rows: Rows, counts: Counts) -> None:
    """Write the sizes of the clusters of all rows, and the scores by their labels."""
    run.facts[LATENTS] = {"path": where, "n": rows.n}
    summary = read_clusterings(run.directory)
    own = summary[name]
    own["sizes"][LATENTS] = {str(cluster): n for cluster, n in sorted(counts.sizes.items())}
    if (confusion := counts.confusion) is not None and confusion.raw.any():
        scores = scores_of_counts(confusion)
        run.metrics |= {f"{name}/{LATENTS}/{score}": value for score, value in scores.items()}
        matching = confusion.matching if counts.class_ids else {}
        own["matchings"][LATENTS] = {str(cluster): c for cluster, c in sorted(matching.items())}
    write_json(run.directory / CLUSTERINGS_FILE, summary)
