"""The paper's parts over many seeds, its numbers beside ours.

`python -m fmclust.reproduce seeds=10`
"""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.errors import UserError, complain, require_option, require_whole
from fmclust.paper.parts import PARTS, VARIANTS, Job, Row, planned, run_all


def reproduce(config: DictConfig) -> None:
    """Runs what is missing; leaves results.csv and results.md."""
    require(config)
    from fmclust.runs import locked

    folder = Path(HydraConfig.get().runtime.output_dir)
    with locked(folder):
        keep_overrides(folder, list(config.overrides))
        failed = run_missing(config, folder)
    if failed:
        sys.exit(FAILED_JOBS)


def run_missing(config: DictConfig, folder: Path) -> int:
    """Runs the jobs whose results are not there yet; returns how many failed."""
    from rich.progress import track  # these, which `--help` does without

    from fmclust.paper.reproduction import read_rows, write_reproduction

    rows = read_rows(folder / "results.csv")
    jobs = [
        job
        for job in planned(config.parts, config.variants, config.seeds, folder)
        if job.missing(config.parts, rows)
    ]
    print(f"{len(rows)} results are there; jobs to run: {len(jobs)}", flush=True)
    failed = 0
    ended = run_all(jobs, config.overrides, config.jobs)
    for job, reason in track(ended, "Reproducing the paper", total=len(jobs)):
        if reason is not None:
            failed += 1
            complain(f"{job.directory} failed: {reason}")
            continue
        rows += [row_of(job, part) for part in job.missing(config.parts, rows)]
        write_reproduction(folder, rows)
    if rows:
        print(write_reproduction(folder, rows))
        print(f"{folder}/results.csv, results.md")
    return failed


def require(config: DictConfig) -> None:
    """Refuses values that nothing can be made of, before anything is run."""
    require_whole("seeds", config.seeds, 1)
    require_whole("jobs", config.jobs, 1)
    for key in ("parts", "variants", "overrides"):
        if not isinstance(config[key], ListConfig):
            raise UserError(f"{key}={config[key]} is no list: type '{key}=[...]'.")
    for part in config.parts:
        require_option("parts", part, PARTS)
    for variant in config.variants:
        require_option("variants", variant, VARIANTS)


def keep_overrides(folder: Path, overrides: list[str]) -> None:
    """Notes what all jobs are run with; refuses to mix them with others."""
    from fmclust.runs import read_json, write_json

    path = folder / "overrides.json"
    before = read_json(path)
    if before is None:
        write_json(path, overrides)
    elif before != overrides:
        raise UserError(
            f"{folder} holds results of overrides={before}: type hydra.run.dir=<a new directory>."
        )


def row_of(job: Job, part: str) -> Row:
    """Reads a finished job and scores what the paper leaves open: one line of results.csv.

    Args:
        job: Whose run is done.
        part: Key of `PARTS`; the job holds it.
    """
    from sklearn.base import BaseEstimator

    from fmclust.paper.rescoring import accuracy_fitted_on, accuracy_of_all
    from fmclust.runs import (
        read_assignments,
        read_classes,
        read_config,
        read_latents,
        read_metrics,
    )
    from fmclust.trust import build

    name = job.clusterer(PARTS[part][1])
    metrics, classes = read_metrics(job.directory), read_classes(job.directory)
    shown = "all" if "all" in classes else "test"
    row: Row = {"part": part, "variant": job.variant, "seed": job.seed}
    for split in ("test", "train"):
        row[f"accuracy_{split}"] = metrics.get(f"{name}/{split}/accuracy")
    row["accuracy_all"] = accuracy_of_all(read_assignments(job.directory, name), classes)
    row["accuracy_test_fitted_on_test"] = None
    if job.has_network:  # the latents of pixels are not kept
        clusterer = build(read_config(job.directory).cluster[name], BaseEstimator)
        latents = read_latents(job.directory)["test"]
        row["accuracy_test_fitted_on_test"] = accuracy_fitted_on(
            clusterer, latents, classes["test"]
        )
    of_run = {"loss": "loss/val", "sse": f"{name}/inertia", "seconds": "time/total"}
    of_run |= {"log_likelihood": f"{name}/log_likelihood"}
    of_run |= {score: f"{name}/{shown}/{score}" for score in ("nmi", "ari")}
    return row | {column: metrics.get(metric) for column, metric in of_run.items()}


main = command("reproduce", reproduce)

if __name__ == "__main__":
    main()
