"""`engine=spark` does what one process does: the same clusters, on the same pictures."""

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from conftest import Answer
from numpy.typing import NDArray
from PIL import Image
from pyarrow import parquet
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from fmclust import load_run
from fmclust.data import Digits
from fmclust.errors import UserError
from fmclust.metrics import score
from fmclust.runs import read_clusterings, read_metrics
from fmclust.spark.session import SparkSettings, java_version, reason_of, spark_session

needs_java = pytest.mark.skipif(
    (java_version() or 0) < 17, reason="Spark needs Java 17, which is not installed"
)
pytestmark = pytest.mark.xdist_group("spark")  # one worker: it starts Java once
SPARK = ("engine=spark", "spark.master=local[2,4]")
COLUMNS = ("image", "cluster", "class", "class_name", "propagated", "far", "error")


def digits(n: int) -> NDArray[np.uint8]:
    images: NDArray[np.uint8] = Digits().splits["train"].images[:n, 0].numpy()
    return images


def png(image: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with what a folder can hold: odd names, deep pixels, pages, files of no picture."""
    folder = tmp_path / "my pictures"
    (folder / "inner é, [1]").mkdir(parents=True)
    for number, image in enumerate(digits(30)):
        (folder / f"_{number}#%20.png").write_bytes(png(image))
    deep = [(digits(3)[n].astype(np.uint16) * 100) for n in range(3)]
    (folder / "inner é, [1]" / "deep.png").write_bytes(png(deep[0]))
    pages = [Image.fromarray(image) for image in deep[1:]]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    (folder / "bad.jpg").write_bytes(b"no picture")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "Thumbs.db").write_bytes(b"")
    (folder / "nowhere.png").symlink_to("nothing")
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Pictures in a Parquet file, as Hugging Face has them, one of them damaged, one missing."""
    contents = [*map(png, digits(120)), b"no picture", None]
    rows = pa.array(
        [{"bytes": content, "path": None} for content in contents],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    path = tmp_path / "pictures.parquet"
    parquet.write_table(pa.table({"image": rows, "number": range(500, 622)}), path)
    return path


def both(
    run: Path, where: Path, command_line: Callable[..., Answer], *typed: str
) -> tuple[pd.DataFrame, pd.DataFrame, Answer, Answer]:
    """Assign by one process and by Spark; return their tables by name, and what they print."""
    beside = (f"run={run}", f"input={where}", *typed)
    local = command_line("assign", *beside, "output=local.parquet")
    spark = command_line("assign", *beside, "output=spark", *SPARK)
    assert local.status == spark.status == 0, spark.err
    tables = [pd.read_parquet(name).sort_values("image") for name in ("local.parquet", "spark")]
    return *(found.reset_index(drop=True) for found in tables), local, spark  # type: ignore[return-value]


def assert_same(local: pd.DataFrame, spark: pd.DataFrame) -> None:
    for name in COLUMNS:
        pd.testing.assert_series_equal(local[name], spark[name], check_dtype=False)
    for name in ("probability", "distance"):
        np.testing.assert_allclose(
            local[name].astype(float), spark[name].astype(float), atol=1e-4, equal_nan=True
        )


@needs_java
def test_a_folder_is_assigned_as_by_one_process(
    run: Path, pictures: Path, command_line: Callable[..., Answer]
) -> None:
    local, spark, here, there = both(run, pictures, command_line)
    assert_same(local, spark)
    assert len(spark) == 35 and spark["error"].notna().sum() == 2
    unseen = [line for line in here.out.splitlines() if "the run has seen no integer" in line]
    assert len(unseen) == 1 and unseen[0] in there.out
    assert "33 images are assigned by" in there.out and "2 unreadable" in there.out
    assert not there.err and (run / "spark.log").exists()


@needs_java
@pytest.mark.long
def test_a_pattern_of_files_is_assigned_by_the_names_that_spark_gives(
    run: Path, pictures: Path, command_line: Callable[..., Answer]
) -> None:
    for path in pictures.glob("_*.png"):
        path.rename(path.with_name(path.name.removeprefix("_")))  # which Spark leaves out
    typed = (f"run={run}", "invert=true", "clusterer=gmm", *SPARK)
    for where in (f"{pictures}/*.png", f"file://{pictures}"):
        answer = command_line("assign", *typed, f"input={where}", f"output=o{len(where)}")
        assert answer.status == 0, answer.err
        found = pd.read_parquet(f"o{len(where)}").set_index("image")
        name = f"file:{pictures}/3#%20.png" if "*" in where else "3#%20.png"
        (expected,) = load_run(run).assign(255 - digits(4)[3:], "gmm").clusters
        assert found.loc[name, "cluster"] == expected


@needs_java
def test_latents_of_parquet_are_those_of_one_process_though_a_worker_is_killed(
    run: Path, table: Path, command_line: Callable[..., Answer]
) -> None:
    killed: list[int] = []
    before, ended = {p.pid for p in psutil.process_iter()}, threading.Event()

    def kill_one() -> None:
        while not (killed or ended.wait(0.05)):
            for process in new_workers(before):
                time.sleep(0.5)  # it is at work
                process.kill()
                killed.append(process.pid)
                break

    killer = threading.Thread(target=kill_one)
    killer.start()
    local, spark, _, _ = both(run, table, command_line)
    ended.set()
    killer.join()
    assert killed
    assert_same(local, spark)
    assert len(spark) == 122 and spark["error"].notna().sum() == 2
    numbers = spark["image"].astype(int)
    known = numbers < 120
    latents = np.stack([*spark["latents"][known]])
    expected = load_run(run).encode(digits(120))[numbers[known]]
    assert latents.dtype == np.float32
    np.testing.assert_allclose(latents, expected, atol=1e-5)
    assert spark["latents"][~known].isna().all()


def new_workers(before: set[int]) -> Iterator[psutil.Process]:
    """Yield the Python processes that Spark has forked from its daemon, but for earlier ones."""
    for process in psutil.process_iter(["cmdline", "ppid"]):
        typed, parent = process.info["cmdline"] or [], process.info["ppid"]
        if "pyspark.daemon" in typed and process.pid not in before:
            with psutil.Process(parent).oneshot():
                if "pyspark.daemon" in psutil.Process(parent).cmdline():
                    yield process


@needs_java
def test_a_column_names_the_images(
    run: Path, table: Path, command_line: Callable[..., Answer]
) -> None:
    typed = (f"run={run}", f"input={table}", *SPARK)
    strict = command_line("assign", *typed, "output=ids", "spark.id=number", "strict=true")
    assert strict.status == 1 and "2 images are unreadable" in strict.err
    assert sorted(pd.read_parquet("ids")["image"].astype(int)) == [*range(500, 622)]
    refused = command_line("assign", *typed, "output=x", "spark.id=row")
    assert refused.refuses("spark.id=row", "image, number"), refused.err
    again = command_line("assign", *typed, "output=ids")
    assert again.refuses("exists already"), again.err


def write_latents(path: Path, latents: Any, **columns: Any) -> Path:
    """Write rows of latents, lists of numbers or None, beside other columns."""
    held = latents if isinstance(latents, pa.Array) else [*latents]
    parquet.write_table(pa.table({"latents": held, **columns}), path)
    return path


@pytest.fixture
def labelled(run: Path) -> tuple[Path, NDArray[np.float32], NDArray[np.int64]]:
    """The latents of a run's training images in a Parquet file with labels; one has no latents."""
    opened, classes = load_run(run), Digits().splits["train"].labels
    assert classes is not None
    latents, names = opened.latents["train"], [opened.class_names[cls] for cls in classes.tolist()]
    rows = [row.tolist() for row in latents]
    path = write_latents(run.parent / "latents.parquet", [*rows, None], name=[*names, names[0]])
    return path, latents, classes.numpy()


@needs_java
@pytest.mark.parametrize(
    ("name", "preprocessing"),
    [("spark_gmm", "whiten"), pytest.param("spark_kmeans", "unit", marks=pytest.mark.long)],
)
def test_a_clustering_on_spark_is_one_of_the_run(
    name: str,
    preprocessing: str,
    run: Path,
    labelled: tuple[Path, NDArray[np.float32], NDArray[np.int64]],
    command_line: Callable[..., Answer],
) -> None:
    path, latents, classes = labelled
    typed = (f"latents={path}", f"cluster={name}", "labels=name", "name=far", "n_clusters=8")
    prepared = f"cluster.{name}.preprocessing={preprocessing}"
    answer = command_line("cluster", f"run={run}", *typed, prepared, *SPARK)
    assert answer.status == 0, answer.err
    assert f"Fitted to {len(latents):,} latents" in answer.out
    assert "far" in load_run(run).clusterers
    folder = run / "clusterings" / "far"
    summary, metrics = read_clusterings(folder)["far"], read_metrics(folder)
    np.save("x.npy", Digits().splits["train"].images[:, 0].numpy())
    assigned = command_line(
        "assign", f"run={run}", "input=x.npy", "output=a.parquet", "clusterer=far"
    )
    assert assigned.status == 0, assigned.err
    clusters = pd.read_parquet("a.parquet")["cluster"].to_numpy(np.int64)
    sizes = {str(c): int(n) for c, n in zip(*np.unique(clusters, return_counts=True), strict=True)}
    assert summary["sizes"]["latents"] == sizes
    expected = score(clusters, classes, n_clusters=8, n_classes=10)
    found = {key: metrics[f"far/latents/{key}"] for key in expected}
    assert found == pytest.approx(expected)
    if name == "spark_kmeans":  # of the stored centres
        inertia = np.square(pd.read_parquet("a.parquet")["distance"]).sum()
        assert metrics["far/inertia"] == pytest.approx(inertia, rel=1e-3)
    else:
        assert metrics["far/bic"] > metrics["far/aic"] and metrics["far/converged"] == 1
    assert (folder / "clusterers" / "far.npz").exists() and not [*run.rglob("*.pkl")]
    page = command_line("report", f"runs={run}")
    assert page.status == 0 and "far" in (run / "report.html").read_text()


@needs_java
def test_fits_end_where_scikit_learn_ends_from_the_same_start(tmp_path: Path) -> None:
    from pyspark.ml import clustering

    from fmclust.spark.estimators import SparkGaussianMixture, SparkKMeans, sample_of
    from fmclust.spark.latents import open_latents
    from fmclust.spark.preprocessing import vectors_of

    rng = np.random.default_rng(0)
    means = rng.normal(0, 4, (5, 4)) + 1000  # far from 0: squares would lose digits
    latents = means[rng.integers(0, 5, 4000)] + rng.normal(size=(4000, 4))
    path = write_latents(tmp_path / "made.parquet", latents)
    with spark_session(SparkSettings("local[2,4]"), tmp_path / "spark.log") as session:
        rows = open_latents(session, str(path))
        mixture = SparkGaussianMixture(n_components=5, sample=1000)
        fitted = mixture.fit_rows(rows)
        start = GaussianMixture(5, random_state=0, max_iter=300).fit(sample_of(rows, 1000, 0))
        begun = clustering.KMeans(k=5, featuresCol="vectors", maxIter=0, seed=0)
        centres = np.stack(begun.fit(vectors_of(rows)).clusterCenters())
        kmeans = SparkKMeans(n_clusters=5, n_init=1).fit_rows(rows)
    again = GaussianMixture(
        5,
        weights_init=start.weights_,
        means_init=start.means_,
        precisions_init=start.precisions_,
        max_iter=300,
    ).fit(latents)
    assert fitted.statistics["log_likelihood"] == pytest.approx(again.score(latents), abs=1e-3)
    assert fitted.estimator.score(latents) == pytest.approx(fitted.statistics["log_likelihood"])
    assert fitted.statistics["bic"] == pytest.approx(fitted.estimator.bic(latents))
    assert fitted.statistics["aic"] == pytest.approx(fitted.estimator.aic(latents))
    theirs = KMeans(5, init=centres, n_init=1).fit(latents).inertia_
    assert kmeans.statistics["inertia"] == pytest.approx(theirs, rel=0.005)
    assert -kmeans.estimator.score(latents) == pytest.approx(kmeans.statistics["inertia"])


@needs_java
def test_what_a_hostile_file_holds_is_said_in_one_line(
    run: Path, tmp_path: Path, command_line: Callable[..., Answer]
) -> None:
    from fmclust.spark.latents import open_latents
    from fmclust.spark.pictures import open_rows

    holds = {
        "text": (["a", "b"], "no column latents of lists of numbers, but latents string"),
        "nan": ([[0.0, 1.0], [float("nan"), 0.0]], "1 latents with values that are missing"),
        "huge": ([[0.0], [1e300]], "not finite or above 1e\\+18"),
        "ragged": ([[0.0], [1.0, 2.0]], "latents of 1 to 2 numbers"),
        "empty": (pa.array([None], pa.list_(pa.float32())), "no latents"),
    }
    with spark_session(SparkSettings("local[2,4]"), tmp_path / "spark.log") as session:
        for name, (rows, says) in holds.items():
            path = str(write_latents(tmp_path / f"{name}.parquet", rows))
            with pytest.raises(UserError, match=says):
                open_latents(session, path)
            with pytest.raises(UserError, match="no column of pictures"):
                open_rows(session, path)
    wide = write_latents(tmp_path / "wide.parquet", [[0.0, 1.0, 2.0]] * 30)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(wide.read_bytes()[:-20])
    (tmp_path / "folder").mkdir()
    for file in (cut, wide):
        file.rename(tmp_path / "folder" / file.name)
    typed = ("cluster", f"run={run}", "cluster=spark_kmeans", *SPARK)
    answer = command_line(*typed, "latents=folder/wide.parquet")
    assert answer.refuses("latents of 3 numbers"), answer.err
    for command in (("latents=folder", *typed), ("input=folder", "assign", f"run={run}", *SPARK)):
        where, module, *more = command
        more += ["output=o"] if module == "assign" else []
        answer = command_line(module, *more, where)
        assert answer.refuses("Spark failed", "cut.parquet", "not a Parquet file"), answer.err
    assert not (run / "clusterings").exists() and not Path("o").exists()


@needs_java
def test_other_mistakes_are_said_in_one_line(
    run: Path, pictures: Path, table: Path, command_line: Callable[..., Answer]
) -> None:
    latents = write_latents(run.parent / "few.parquet", load_run(run).latents["test"][:20].tolist())
    assign = ("assign", f"run={run}", "output=o", *SPARK)
    cluster = ("cluster", f"run={run}", "engine=spark", "cluster=spark_kmeans")
    np.save("x.npy", digits(2))
    mistakes = [
        ((*assign, f"input={pictures}", "sort_into=new"), "type sort_into=null"),
        ((*assign, f"input={pictures}", "spark.id=a"), "type spark.id=null"),
        ((*assign, "input=x.npy"), "type engine=local"),
        ((*assign, "input=nothing"), "input=<a folder or file>"),
        ((*assign, "input=file:///nothing/*.png"), "Spark failed: [PATH_NOT_FOUND]"),
        ((*assign, f"input={pictures}/bad.jpg"), "no image can be read"),
        ((*assign, f"input={table}", "output=o", "spark.conf=4g"), "spark.conf="),
        ((*assign[:-1], f"input={table}", "spark.master=nobody"), "Spark failed"),
        (cluster, "type latents="),
        ((*cluster, "latents=nothing"), "nothing does not exist"),
        ((*cluster, f"latents={latents}", "n_clusters=auto"), "type n_clusters=<a number>"),
        ((*cluster, f"latents={latents}", "n_clusters=21"), "at most 20"),
        ((*cluster, f"latents={latents}", "n_clusters=1"), "from 2 on"),
        ((*cluster, f"latents={latents}", "labels=x"), "labels= with one of latents"),
        ((*cluster, f"latents={latents}", "cluster.spark_kmeans.preprocessing=a"), "whiten, unit"),
        ((*cluster[:-1], f"latents={latents}", "cluster=gmm"), "type cluster=spark_kmeans"),
        (("cluster", f"run={run}", f"latents={latents}", "cluster=bgmm"), "type engine=spark"),
    ]
    for typed, says in mistakes:
        answer = command_line(*typed)
        assert answer.status == 2 and says in answer.err and answer.err.count("\n") == 1, answer.err
        shutil.rmtree("o", ignore_errors=True)
    assert not [*run.glob("clusterings/*/clusterings.json")]


def test_what_is_missing_is_named(
    run: Path, command_line: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ("assign", f"run={run}", "input=.", "output=o", *SPARK)
    with monkeypatch.context() as patch:
        patch.setenv("JAVA_HOME", "/nowhere")
        assert command_line(*typed).refuses("needs Java 17", "there is none", "apt-get install")
    old = Path("old/bin")
    old.mkdir(parents=True)
    (old / "java").write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_292\"' >&2\n")
    (old / "java").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("JAVA_HOME", str(old.parent.absolute()))
        assert command_line(*typed).refuses("needs Java 17", "this is Java 8")
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    assert command_line(*typed).refuses("the extra spark", "pip install 'fmclust[spark]'")


def test_spark_binds_to_the_loopback_unless_it_is_a_cluster() -> None:
    here = SparkSettings("local[2]", {"spark.ui.enabled": True}).all_conf()
    assert here["spark.driver.host"] == here["spark.driver.bindAddress"] == "127.0.0.1"
    assert here["spark.ui.enabled"] == "true"
    there = SparkSettings("spark://host:7077").all_conf()
    assert "spark.driver.host" not in there and there["spark.ui.enabled"] == "false"
    with pytest.raises(UserError, match="spark.conf=4g"):
        SparkSettings.of(type("Typed", (), {"conf": "4g", "master": "local"}))


def test_the_reason_of_an_error_is_one_line() -> None:
    worker = (
        "Job aborted: Task 0 failed 4 times\nTraceback (most recent call last):\n"
        '  File "a.py", line 1, in f\nValueError: too few\nrows\n\n\tat org.apache.spark.X\n'
    )
    assert reason_of(worker) == "ValueError: too few"
    assert reason_of("[PATH_NOT_FOUND] no such\nstack") == "[PATH_NOT_FOUND] no such"
    java = (
        "An error occurred while calling o1.parquet.\n: org.apache.spark.SparkException: failed\n"
        "\tat org.apache.spark.X\nCaused by: java.io.IOException: file:/a is cut\n\tat java.Y\n"
    )
    assert reason_of(java) == "file:/a is cut"
