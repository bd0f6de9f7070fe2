"""The paper's numbers beside ours over many seeds: results.csv and results.md."""

import csv
import statistics
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from fmclust.errors import reading
from fmclust.paper.numbers import ACCURACIES
from fmclust.reports.markdown import mean_and_sd, table
from fmclust.runs import machine, write_rows, write_text

COLUMNS = (
    "part",
    "variant",
    "seed",
    "accuracy_test",
    "accuracy_train",
    "accuracy_all",
    "accuracy_test_fitted_on_test",
    "nmi",
    "ari",
    "loss",
    "sse",
    "log_likelihood",
    "seconds",
)
# Part: what it is, and the paper's system; of its split is the accuracy that stands beside.
PARTS = {
    "kmeans_pixels": ("1: k-means on pixels, all 70,000 images", ("pixels", "kmeans", "all")),
    "convae_kmeans": ("2: k-means on latents, 45 epochs", ("convae", "kmeans", "test")),
    "convae_gmm_45": ("3: mixture on latents, 45 epochs", ("convae", "gmm", "test")),
    "convae_gmm": ("3: mixture on latents, 300 epochs", ("convae", "gmm", "test")),
}
ACCURACY_TOLERANCE = 5e-4  # the paper rounds to four digits
NOTE = """Hungarian accuracy. Parts 2 and 3 are fitted on the 60,000 training images and scored on
the held-out test split, the last 5,000 images of the test file; in the column before the last the
clusterer is fitted *and* scored on those 5,000, since the paper does not say which it did.
Standardized: each image to mean 0 and standard deviation 1, latents whitened."""
Row = Mapping[str, Any]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Returns the lines of results.csv; none if there is no such file.

    Raises:
        UserError: If they are not what `write_reproduction` writes.
    """
    if not path.exists():
        return []
    with reading(path), path.open(newline="", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
        for row in rows:
            if not (row["part"] in PARTS and row["variant"].isalpha() and row["seed"].isdigit()):
                raise ValueError(f"{row['part']}, {row['variant']}, {row['seed']} is no job's")
            for name in COLUMNS[3:]:
                float(row[name] or 0)
        return rows


def write_reproduction(folder: Path, rows: Sequence[Row]) -> str:
    """Writes results.csv and results.md.

    Args:
        folder: Where to.
        rows: A line for each part, variant and seed, with `COLUMNS`.

    Returns:
        The text of results.md.
    """
    order = list(PARTS)
    ranked = sorted(rows, key=lambda r: (order.index(r["part"]), r["variant"], int(r["seed"])))
    lines = [{name: _brief(row[name]) for name in COLUMNS} for row in ranked]
    write_rows(folder / "results.csv", lines)
    text = f"{date.today()}, {machine()}.\n\n{_table(ranked)}\n\n{NOTE}\n"
    write_text(folder / "results.md", text)
    return text


def _table(rows: Sequence[Row]) -> str:
    heads = ["part", "variant", "seeds", "paper", "mean ± sd", "median", "min", "max"]
    heads += ["fitted on test: mean ± sd", "the median meets the paper's"]
    lines = []
    for key in dict.fromkeys((row["part"], row["variant"]) for row in rows):
        of_key = [row for row in rows if (row["part"], row["variant"]) == key]
        title, system = PARTS[key[0]]
        paper, split = ACCURACIES[system], system[2]
        values = [float(row[f"accuracy_{split}"]) for row in of_key]
        median = statistics.median(values)
        refitted = [row["accuracy_test_fitted_on_test"] for row in of_key]
        other = [float(value) for value in refitted if value not in (None, "")]
        shown = [f"{paper:.4f}", mean_and_sd(values)]
        shown += [f"{value:.4f}" for value in (median, min(values), max(values))]
        shown += [mean_and_sd(other), _verdict(median, paper)]
        lines.append([title, key[1], str(len(values)), *shown])
    return table(heads, lines)


def _verdict(ours: float, paper: float) -> str:
    if abs(ours - paper) <= ACCURACY_TOLERANCE:
        return "yes"
    return "beats it" if ours > paper else "no"


def _brief(value: Any) -> Any:
    return f"{value:.8g}" if isinstance(value, float) else value
