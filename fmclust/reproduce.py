"""Run the paper's parts with many seeds, and compare the results with the paper.

`python -m fmclust.reproduce seeds=10`
"""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig

from fmclust.config.command import FAILED_JOBS, command
from fmclust.config.mistakes import SET_BY_PARTS
from fmclust.errors import Interrupted, UserError, complain, require_option, require_whole
from fmclust.paper.parts import PARTS, VARIANTS, planned, run_all


def reproduce(config: DictConfig) -> None:
    """Run what is missing; write results.csv and results.md."""
    require(config)
    from fmclust.runs import locked

    folder = Path(HydraConfig.get().runtime.output_dir)
    with locked(folder):
        keep_overrides(folder, list(config.overrides))
        try:
            failed = run_missing(config, folder)
        except KeyboardInterrupt:
            raise Interrupted("Stopped. To go on, type the same command again.") from None
    if failed:
        sys.exit(FAILED_JOBS)


def run_missing(config: DictConfig, folder: Path) -> int:
    """Run the jobs without results; return the number of jobs that failed."""
    from rich.progress import track  # `--help` does not need it

    from fmclust.paper.reproduction import read_rows, row_of, write_reproduction

    rows, failed = read_rows(folder / "results.csv"), 0
    wanted = planned(config.parts, config.variants, config.seeds, folder)
    to_run = [run for run in wanted if run.missing(config.parts, rows)]
    print(f"{len(rows)} results are there; jobs to run: {len(to_run)}", flush=True)
    ended = run_all(to_run, config.overrides, config.jobs)
    for run, reason in track(ended, "Reproducing the paper", total=len(to_run)):
        if reason is not None:
            failed += 1
            complain(f"{run.directory} failed: {reason}")
            continue
        rows += [row_of(run, part) for part in run.missing(config.parts, rows)]
        write_reproduction(folder, rows)
    if rows:
        print(write_reproduction(folder, rows))
        print(f"{folder}/results.csv, results.md")
    return failed


def require(config: DictConfig) -> None:
    """Refuse invalid values before anything is run."""
    require_whole("seeds", config.seeds, 1)
    require_whole("jobs", config.jobs, 1)
    for key in ("parts", "variants", "overrides"):
        if not isinstance(config[key], ListConfig):
            raise UserError(f"{key}={config[key]} is not a list: type '{key}=[...]'.")
    for part in config.parts:
        require_option("parts", part, PARTS)
    for variant in config.variants:
        require_option("variants", variant, VARIANTS)
    for override in config.overrides:
        key = str(override).lstrip("+~").partition("=")[0]
        if key in SET_BY_PARTS:
            raise UserError(
                f"overrides= has {override}, but fmclust.reproduce sets {key} itself: leave it out."
            )
    kinds = {PARTS[part].kind for part in config.parts}
    if kinds and not any(kinds & {*VARIANTS[variant]} for variant in config.variants):
        having = ",".join(variant for variant, held in VARIANTS.items() if kinds & {*held})
        raise UserError(
            f"variants={config.variants} have none of these parts: type 'variants=[{having}]'."
        )


def keep_overrides(folder: Path, overrides: list[str]) -> None:
    """Write the overrides of all runs; refuse a folder with runs of other overrides."""
    from fmclust.runs import read_json, write_json

    path = folder / "overrides.json"
    before = read_json(path)
    has_results = (folder / "results.csv").exists() or any(folder.glob("*/*/*/status.json"))
    if before is None or not has_results:
        write_json(path, overrides)
    elif before != overrides:
        raise UserError(
            f"{folder} holds results of overrides={before}: type hydra.run.dir=<a new directory>."
        )


main = command("reproduce", reproduce)

if __name__ == "__main__":
    main()
