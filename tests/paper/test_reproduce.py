"""The reproduction: its jobs, its table, and that nothing is run twice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SMALL, Answer, composed
from layout import rows_of
from sklearn.mixture import GaussianMixture

from fmclust import __version__
from fmclust.metrics import score
from fmclust.paper.numbers import paper_accuracies
from fmclust.paper.parts import PARTS, VARIANTS, PaperRun, planned
from fmclust.paper.reproduction import read_rows, write_reproduction
from fmclust.runs import locked, read_classes, read_latents

SMALL_JOBS = f"overrides={[*SMALL, 'n_clusters=8']}"
QUICK = ("seeds=1", "variants=[standardized]", "hydra.run.dir=made", SMALL_JOBS)


def test_one_training_serves_both_clusterers_and_is_not_repeated(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    parts = "parts=[convae_kmeans,convae_gmm_45]"
    answer = command_line("reproduce", *QUICK, parts)
    assert answer.status == 0 and "jobs to run: 1" in answer.out, answer.err
    folder = tmp_path / "made"
    rows = read_rows(folder / "results.csv")
    assert [row["part"] for row in rows] == ["convae_kmeans", "convae_gmm_45"]
    run = folder / "convae_kmeans" / "standardized" / "0"
    metrics = json.loads((run / "metrics.json").read_text())
    for row, name in zip(rows, ("whitened_kmeans", "whitened_gmm"), strict=True):
        for split in ("train", "test"):
            expected = pytest.approx(metrics[f"{name}/{split}/accuracy"])
            assert float(row[f"accuracy_{split}"]) == expected
        assert float(row["loss"]) == pytest.approx(metrics["loss/val"])
    (made_in,) = json.loads((run / "status.json").read_text())["environments"]
    for row in rows:
        assert row["fmclust"] == __version__ and row["torch"] == made_in["packages"]["torch"]
        assert made_in["cpu"] in row["processor"] and row["threads"] == str(made_in["threads"])
    assert rows[0]["sse"] > 0 and rows[1]["log_likelihood"] and np.isnan(rows[1]["sse"])

    latents, classes = read_latents(run)["test"], read_classes(run)["test"]
    white = (latents - latents.mean(0)) @ np.linalg.svd(latents - latents.mean(0))[2].T
    white *= np.sqrt(len(white) - 1) / np.linalg.norm(white, axis=0)
    mixture = GaussianMixture(8, max_iter=300, random_state=0).fit(white)
    again = score(mixture.predict(white), classes, n_clusters=8, n_classes=10)["accuracy"]
    assert float(rows[1]["accuracy_test_fitted_on_test"]) == pytest.approx(again, abs=0.05)

    written = (folder / "results.csv").read_bytes()
    (run / "status.json").unlink()  # only results.csv says that it is done
    answer = command_line("reproduce", *QUICK, parts)
    assert answer.status == 0 and "jobs to run: 0" in answer.out
    assert (folder / "results.csv").read_bytes() == written
    answer = command_line("reproduce", "hydra.run.dir=made", "overrides=['data=digits']")
    assert answer.refuses("hydra.run.dir="), answer.err


def test_a_failed_job_is_told_and_stops_no_other(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    typed = [t.replace("n_clusters=8", "n_cluster=8") for t in QUICK]
    answer = command_line("reproduce", *typed, "parts=[kmeans_pixels]")
    assert answer.status == 1 and "standardized/0 failed: " in answer.err
    assert "n_clusters" in answer.err
    assert not (tmp_path / "made" / "results.csv").exists()
    typed = [
        t.replace("'n_clusters=8'", "'n_clusters=8','trainer.precision=bf16-mixed'") for t in QUICK
    ]
    answer = command_line("reproduce", *typed, "parts=[kmeans_pixels]")
    assert answer.status == 0, f"nothing was made that other overrides would differ from: {answer}"
    (row,) = read_rows(tmp_path / "made" / "results.csv")
    assert row["precision"] == "32-true", "no network has computed"


def test_two_at_once_never_write_the_same_results(
    command_line: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    with locked(tmp_path / "made"):
        answer = command_line("reproduce", *QUICK)
    assert answer.refuses("hydra.run.dir="), answer.err


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("seeds=0", ("seeds=0", "from 1")),
        ("parts=[convae_gm]", ("parts=convae_gm", "parts=convae_gmm")),
        ("variants=[whitened]", ("variants=whitened", "standardized")),
        ("parts=[contrastive_balanced]", ("plain", "'variants=[contrastive]'")),
    ],
)
def test_a_mistake_is_one_line(
    mistake: str, named: tuple[str, ...], command_line: Callable[..., Answer]
) -> None:
    answer = command_line("reproduce", mistake)
    assert answer.refuses(*named), answer.err


def test_every_part_and_variant_is_planned_once(tmp_path: Path) -> None:
    jobs = list(planned(PARTS, [*VARIANTS], 2, tmp_path))
    held = [(part, job.variant, job.seed) for job in jobs for part in job.missing(PARTS, [])]
    n_pairs = 4 + 4 + 2 + 3  # of parts and variants: plain, standardized, dcec, contrastive
    assert len(set(held)) == len(held) == n_pairs * 2
    assert {part for part, *_ in held} == {*PARTS}
    assert {seed for _, variant, seed in held if variant == "contrastive"} == {10, 11}
    row = {"part": "convae_gmm_45", "variant": "plain", "seed": "1"}  # as a CSV has it
    assert PaperRun("convae_kmeans", "plain", 1, tmp_path).missing(PARTS, [row]) == [
        "convae_kmeans"
    ]


def test_the_table_says_what_was_reached(tmp_path: Path) -> None:
    columns = ("accuracy_train", "accuracy_all", "nmi", "ari", "loss", "sse", "log_likelihood")
    common: dict[str, Any] = dict.fromkeys((*columns, "seconds"), 0.5) | {"precision": "32-true"}
    common |= {"fmclust": "0.2.0", "torch": "2.14.0", "processor": "A CPU", "threads": "1"}
    rows: list[dict[str, Any]] = [
        {"part": part, "variant": "plain", "seed": seed, "accuracy_test": value, **common}
        | {"accuracy_test_fitted_on_test": None if seed else 0.25}
        for part, values in {"convae_gmm": (0.6, 0.61, 0.5), "convae_kmeans": (0.5,)}.items()
        for seed, value in enumerate(values)
    ]
    row = {"part": "contrastive_spherical", "variant": "contrastive", "seed": 10}
    rows.append(common | row | {"accuracy_test": 0.7, "precision": "bf16-mixed", "torch": None})
    text = write_reproduction(tmp_path, rows)
    start = "| 2: k-means on latents, 45 epochs | plain | 32-true | 1 | 0.5656 | 0.5000 |"
    assert start in text
    spread = "| 3 | 0.5876 | 0.5700 ± 0.0608 | 0.6000 | 0.5000 | 0.6100 |"
    assert f"{spread} 0.5000 ± 0.0000 | 0.2500 | beats it |" in text
    beyond = "| spherical k-means, 10 epochs | contrastive | bf16-mixed | 1 |  | 0.7000 | 0.7000 |"
    assert f"{beyond} 0.7000 | 0.7000 | 0.5000 |  |  |" in text
    parts = [row["part"] for row in rows_of(tmp_path / "results.csv")]
    assert parts == ["convae_kmeans"] + ["convae_gmm"] * 3 + ["contrastive_spherical"]
    assert write_reproduction(tmp_path, read_rows(tmp_path / "results.csv")) == text
    known = "fmclust 0.2.0, torch 2.14.0, A CPU, threads of a run: 1 (4 rows);"
    assert text.startswith(f"Made by {known}\n") and "torch unknown, A CPU" in text


def test_a_clusterer_that_is_left_out_has_no_accuracy_of_the_papers() -> None:
    assert "gmm/test/accuracy" in paper_accuracies(composed("cluster=gmm"))
    assert paper_accuracies(composed("cluster=gmm", "cluster.gmm=null")) == {}
