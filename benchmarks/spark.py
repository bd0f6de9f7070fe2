"""Apache Spark beside one process: `python -m benchmarks.spark [images|latents] [number]`.

Images: Fashion-MNIST as PNG in Parquet files, repeated with an id, assigned by whole commands.
Latents: a made mixture of 10 dimensions, clustered from the same start as by scikit-learn. Every
measurement is a process of its own.
"""

import io
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from PIL import Image
from pyarrow.parquet import ParquetWriter

from benchmarks.measure import RESULTS, replace_section, run_python, section, targets, train
from fmclust.data import FashionMNIST
from fmclust.reports.markdown import table

N_IMAGES, N_BESIDE = 10_000_000, 490_000  # on Spark alone; beside one process
REPETITIONS = 10  # of the data set, in a file
SIZES, N_COMPARED = (100_000, 1_000_000, 10_000_000), 1_000_000
D, K, ROUNDS = 10, 10, 10
MAX_RATIO, MAX_EXPONENT, MAX_INERTIA, MAX_NATS = 1.5, 1.1, 0.005, 1e-3


def write_images(folder: Path, n: int) -> None:
    """Write n images as encoded pictures with an id, in files of several repetitions."""
    encoded = []
    for split in FashionMNIST().splits.values():
        for image in split.images[:, 0].numpy():
            file = io.BytesIO()
            Image.fromarray(image).save(file, "PNG")
            encoded.append({"bytes": file.getvalue(), "path": None})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array(encoded, kind)
    schema = pa.schema([("id", pa.int64()), ("image", kind)])
    folder.mkdir()
    step = REPETITIONS * len(images)
    for number, first in enumerate(range(0, n, step)):
        with ParquetWriter(folder / f"{number:04}.parquet", schema, compression="none") as writer:
            for start in range(first, min(first + step, n), len(images)):
                rows = min(len(images), n - start)
                ids = pa.array(range(start, start + rows))
                part = pa.table([ids, images.slice(0, rows)], schema=schema)
                writer.write_table(part, row_group_size=10_000)


def images(n: int = N_IMAGES) -> str:
    """Measure the assignment of images; return the section of the results."""
    cores, rows, rates = len(psutil.Process().cpu_affinity()), [], {}
    with tempfile.TemporaryDirectory() as place:
        run, small, large = (Path(place, name) for name in ("run", "small", "large"))
        train(run, "trainer.max_epochs=1", "figures=false")
        write_images(small, N_BESIDE)
        write_images(large, n)
        for name, where, count in (
            ("local", small, N_BESIDE),
            ("spark", small, N_BESIDE),
            ("spark", large, n),
        ):
            output = f"output={place}/{name}_{count}.parquet"
            typed = [f"run={run}", f"input={where}", output, f"engine={name}"]
            process = run_python(["-m", "fmclust.assign", *typed])
            assert f"{count:,} images are assigned" in process.output, process.output
            rate = count / process.seconds / cores
            rates[name, count] = rate
            rows.append([f"engine={name}", f"{count:,}", f"{process.seconds:.0f}", f"{rate:.0f}"])
            print(f"  {rows[-1]}", flush=True)
    ratio = rates["local", N_BESIDE] / rates["spark", n]
    return section(
        "Assigning images on Spark in local mode (whole commands)",
        table(["", "images", "s", "images a second and core"], rows),
        targets((f"at most {MAX_RATIO} x slower than local: {ratio:.2f} x", ratio <= MAX_RATIO)),
    )


def write_latents(path: Path, n: int) -> None:
    """Write n latents of a mixture of 10 components, in groups of rows."""
    rng = np.random.default_rng(0)
    means, scales = rng.normal(0, 3, (K, D)), rng.uniform(0.5, 2, (K, D))
    with ParquetWriter(path, pa.schema([("latents", pa.list_(pa.float32()))])) as writer:
        for start in range(0, n, 100_000):
            rows = min(100_000, n - start)
            chosen = rng.integers(0, K, rows)
            made = (means[chosen] + scales[chosen] * rng.normal(size=(rows, D))).astype(np.float32)
            ends = pa.array(np.arange(rows + 1, dtype=np.int32) * D)
            lists = pa.ListArray.from_arrays(ends, pa.array(made.ravel()))
            writer.write_table(pa.table({"latents": lists}))


def fitting(name: str, path: Path) -> dict[str, float]:
    """Return the seconds of a fit of few rounds, and the peaks of Python and Java in bytes."""
    from fmclust.spark.estimators import SparkGaussianMixture, SparkKMeans
    from fmclust.spark.latents import open_latents
    from fmclust.spark.session import SparkSettings, spark_session

    clusterer = {
        "kmeans": SparkKMeans(n_clusters=K, n_init=1, max_iter=ROUNDS, tol=0),
        "gmm": SparkGaussianMixture(n_components=K, max_iter=ROUNDS, tol=0),
    }[name]
    with spark_session(SparkSettings(), path.with_suffix(".log")) as session:
        rows = open_latents(session, str(path))
        start = time.perf_counter()
        clusterer.fit_rows(rows)
        seconds = time.perf_counter() - start
        me = psutil.Process()
        (java,) = (child for child in me.children() if "java" in child.name())
        return {"seconds": seconds, "python": peak_of(me.pid), "java": peak_of(java.pid)}


def peak_of(pid: int) -> float:
    """Return the most memory that a process had resident, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def comparing(path: Path) -> dict[str, float]:
    """Return how the fits differ from scikit-learn's from the same start."""
    from pyspark.ml import clustering
    from sklearn.cluster import KMeans
    from sklearn.mixture import GaussianMixture

    from fmclust.spark.estimators import SparkGaussianMixture, SparkKMeans, sample_of
    from fmclust.spark.latents import open_latents
    from fmclust.spark.preprocessing import vectors_of
    from fmclust.spark.session import SparkSettings, spark_session

    with spark_session(SparkSettings(), path.with_suffix(".log")) as session:
        rows = open_latents(session, str(path))
        latents = sample_of(rows, rows.n, 0)
        begun = clustering.KMeans(k=K, featuresCol="vectors", maxIter=0, seed=0)
        centres = np.stack(begun.fit(vectors_of(rows)).clusterCenters())
        ours = SparkKMeans(n_clusters=K, n_init=1).fit_rows(rows).statistics["inertia"]
        theirs = KMeans(K, init=centres, n_init=1).fit(latents).inertia_
        mixture = SparkGaussianMixture(n_components=K)
        fitted = mixture.fit_rows(rows).statistics["log_likelihood"]
        first = GaussianMixture(K, random_state=0, max_iter=300).fit(
            sample_of(rows, mixture.sample, 0)
        )
        again = GaussianMixture(
            K,
            weights_init=first.weights_,
            means_init=first.means_,
            precisions_init=first.precisions_,
            max_iter=300,
        ).fit(latents)
        return {
            "inertia": abs(ours / theirs - 1),
            "log_likelihood": abs(fitted - float(again.score(latents))),
        }


def latents() -> str:
    """Measure the clustering of latents; return the section of the results."""
    rows, met = [], []
    with tempfile.TemporaryDirectory() as place:
        for n in SIZES:
            write_latents(Path(place, f"{n}.parquet"), n)
        for name in ("kmeans", "gmm"):
            found = []
            for n in SIZES:
                process = run_python(["-m", "benchmarks.spark", name, f"{place}/{n}.parquet"])
                found.append(json.loads(process.output.splitlines()[-1]))
                print(f"  {name} {n:,}: {found[-1]}", flush=True)
            seconds = [f["seconds"] for f in found]
            # From 10^6 on: below, the fixed costs of a round are most of it.
            slope = float(np.log10(seconds[-1] / seconds[-2]))
            met.append(
                (f"{name}, exponent at most {MAX_EXPONENT}: {slope:.2f}", slope <= MAX_EXPONENT)
            )
            growth = found[-1]["python"] / found[0]["python"]
            met.append((f"{name}, the driver's Python grows {growth:.2f} x", growth < 1.2))
            for size, f in zip(SIZES, found, strict=True):
                cells = [
                    f"{f['seconds']:.1f}",
                    f"{f['python'] / 1e9:.2f}",
                    f"{f['java'] / 1e9:.2f}",
                ]
                rows.append([name, f"{size:,}", *cells])
        process = run_python(["-m", "benchmarks.spark", "compare", f"{place}/{N_COMPARED}.parquet"])
        differ = json.loads(process.output.splitlines()[-1])
    inertia, nats = differ["inertia"], differ["log_likelihood"]
    met.append((f"inertia within 0.5 % of scikit-learn's: {inertia:.2%}", inertia <= MAX_INERTIA))
    met.append((f"log-likelihood within 1e-3: {nats:.1e}", nats <= MAX_NATS))
    return section(
        "Clustering latents on Spark in local mode",
        f"Latents of {D} dimensions, {ROUNDS} rounds of each clusterer.",
        table(["", "latents", "s", "Python's peak, GB", "Java's peak, GB"], rows),
        targets(*met),
    )


if __name__ == "__main__":
    command, *values = sys.argv[1:]
    if command in ("kmeans", "gmm"):
        print(json.dumps(fitting(command, Path(values[0]))))
    elif command == "compare":
        print(json.dumps(comparing(Path(values[0]))))
    else:
        measured = images(*map(int, values)) if command == "images" else latents()
        replace_section(RESULTS, measured)
        print(measured)
