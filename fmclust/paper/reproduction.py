"""Compare runs of many seeds with the paper's numbers: results.csv and results.md."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from fmclust import runs
from fmclust.clustering import assign, fit
from fmclust.errors import reading
from fmclust.metrics import confusion_of
from fmclust.paper.parts import PARTS, PaperRun
from fmclust.reports.markdown import mean_and_sd, table
from fmclust.trust import build

REFITTED = "accuracy_test_fitted_on_test"
NUMBERS = (
    *("accuracy_test", "accuracy_train", "accuracy_all", REFITTED, "nmi", "ari"),
    *("loss", "sse", "log_likelihood", "seconds"),
)
ENVIRONMENT = ("fmclust", "torch", "processor", "threads")  # of the run
COLUMNS = ("part", "variant", "seed", *NUMBERS, "precision", *ENVIRONMENT)
PIXELS_PRECISION = "32-true"  # they are clustered in float32, without a network
ACCURACY_TOLERANCE = 5e-4  # the paper rounds to four digits
NOTE = """Hungarian accuracy, mean ± standard deviation over seeds. Part 1 is fitted and scored on
all 70,000 images. All others are fitted on the 60,000 training images and scored on the held-out
test split, the last 5,000 images of the test file; in the column "fitted on test" the clusterer is
fitted *and* scored on those 5,000, since the paper does not say which it did. Standardized: each
image to mean 0 and standard deviation 1, latents whitened. dcec: the network of Guo et al. 2017.
Size-balanced k-means and self-labelling assume clusters of equal size, which is a prior."""
Row = Mapping[str, Any]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the lines of results.csv, or an empty list if the file does not exist.

    Raises:
        UserError: If `write_reproduction` cannot have written them.
    """
    if not path.exists():
        return []
    with reading(path):
        types: dict[str, type] = {"seed": int, **dict.fromkeys(NUMBERS, float)}
        frame = pd.read_csv(path, dtype=types | dict.fromkeys(ENVIRONMENT, str))
        if not frame["part"].isin([*PARTS]).all():
            raise ValueError("it has rows of other parts")
        return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def write_reproduction(folder: Path, rows: Sequence[Row]) -> str:
    """Write results.csv and results.md.

    Args:
        folder: Folder of the two files.
        rows: One for each part, variant and seed, with `COLUMNS`.

    Returns:
        The text of results.md.
    """
    frame = pd.DataFrame(rows, columns=[*COLUMNS])
    frame["part"] = pd.Categorical(frame["part"], [*PARTS])
    frame = frame.astype(dict.fromkeys(NUMBERS, float)).sort_values([*COLUMNS[:3]])
    with runs.replacing(folder / "results.csv") as partial:
        frame.to_csv(partial, index=False, float_format="%.8g")
    text = f"{_environments(frame)}\n\n{_table(frame)}\n\n{NOTE}\n"
    runs.write_text(folder / "results.md", text)
    return text


def row_of(run: PaperRun, name: str) -> dict[str, Any]:
    """Return a line of results.csv: the scores of a finished run, and those of a second fit.

    The second fit is on the test split, as the paper does not say which images it fitted.

    Args:
        run: A finished run.
        name: Key of `PARTS` of a part that the run contains.
    """
    clusterer = run.clusterer(PARTS[name])
    metrics, classes = runs.read_metrics(run.directory), runs.read_classes(run.directory)
    clusters = runs.read_assignments(run.directory, clusterer)
    shown = "all" if "all" in classes else "test"
    row: dict[str, Any] = {"part": name, "variant": run.variant, "seed": run.seed}
    row |= _environment_of(run.directory)
    ids = np.concatenate([clusters[split] for split in classes])
    row["accuracy_all"] = _accuracy(ids, np.concatenate(list(classes.values())))
    config = runs.read_config(run.directory)
    row["precision"] = config.trainer.precision if run.trains else PIXELS_PRECISION
    if run.trains and PARTS[name].accuracy is not None:  # the latents of pixels are not kept
        unfitted = build(config.cluster[clusterer], BaseEstimator)
        latents = runs.read_latents(run.directory)["test"].astype(np.float64)
        fitted, _ = fit(unfitted, latents)
        row[REFITTED] = _accuracy(assign(fitted, latents), classes["test"])
    of_run = {"loss": "loss/val", "seconds": "time/total", "sse": f"{clusterer}/inertia"}
    of_run |= {"log_likelihood": f"{clusterer}/log_likelihood"}
    of_run |= {f"accuracy_{s}": f"{clusterer}/{s}/accuracy" for s in ("test", "train")}
    of_run |= {s: f"{clusterer}/{shown}/{s}" for s in ("nmi", "ari")}
    return row | {column: metrics.get(metric) for column, metric in of_run.items()}


def _environment_of(directory: Path) -> dict[str, str]:
    """Return the columns `ENVIRONMENT`; if a run was resumed elsewhere, they name both places."""
    found = [
        entry["packages"]
        | {"processor": ", ".join(filter(None, (entry["cpu"], entry["gpu"])))}
        | {"threads": str(entry["threads"])}
        for entry in (runs.read_status(directory) or {}).get("environments", [])
    ]
    return {key: " and ".join(dict.fromkeys(each[key] for each in found)) for key in ENVIRONMENT}


def _environments(frame: pd.DataFrame) -> str:
    """Return a line for each environment of the runs, the most frequent first."""
    known = Counter(
        frame[[*ENVIRONMENT]].astype("string").fillna("unknown").itertuples(index=False, name=None)
    )
    lines = [
        f"fmclust {fmclust}, torch {torch}, {processor}, threads of a run: {threads} ({n} rows)"
        for (fmclust, torch, processor, threads), n in known.most_common()
    ]
    return "Made by " + ";\n".join(lines) + "."


def _accuracy(clusters: NDArray[np.int64], classes: NDArray[np.int64]) -> float:
    sizes = {"n_clusters": int(clusters.max()) + 1, "n_classes": int(classes.max()) + 1}
    return confusion_of(clusters, classes, **sizes).accuracy


def _table(frame: pd.DataFrame) -> str:
    heads = ["part", "variant", "precision", "seeds", "paper", "accuracy", "median", "min", "max"]
    heads += ["NMI", "fitted on test", "the median meets the paper's"]
    lines = []
    for (name, variant), rows in frame.groupby(["part", "variant"], observed=True):
        part = PARTS[str(name)]
        values = rows[f"accuracy_{part.split}"]
        median = float(values.median())
        precisions = " and ".join(sorted({*rows["precision"].dropna()}))
        paper = "" if part.accuracy is None else f"{part.accuracy:.4f}"
        spread = [f"{value:.4f}" for value in (median, values.min(), values.max())]
        cells = [part.title, str(variant), precisions, str(len(rows)), paper]
        cells += [mean_and_sd(values.tolist()), *spread, mean_and_sd(rows["nmi"].tolist())]
        cells += [mean_and_sd(rows[REFITTED].dropna().tolist()), _verdict(median, part.accuracy)]
        lines.append(cells)
    return table(heads, lines)


def _verdict(median: float, paper: float | None) -> str:
    """Return whether a median meets the paper's accuracy; empty if the paper has none."""
    if paper is None:
        return ""
    if abs(median - paper) <= ACCURACY_TOLERANCE:
        return "yes"
    return "beats it" if median > paper else "no"
