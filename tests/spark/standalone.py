"""A cluster of Apache Spark on the loopback: a master and two workers of one core each.

`python tests/spark/standalone.py` starts one, prints the value of `spark.master`, and stops it when
it is interrupted.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pyspark

LOOPBACK = "127.0.0.1"
SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"  # pip's has no start-master.sh
PACKAGE = "org.apache.spark.deploy"
TIMEOUT = 120  # seconds


@contextmanager
def standalone_cluster(folder: Path, n_workers: int = 2) -> Iterator[str]:
    """Start a cluster; yield its master, such as `spark://127.0.0.1:40000`.

    Args:
        folder: Folder of the logs, and of what the workers write.
        n_workers: Number of workers, each with one core and 2 GB.
    """
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    master = f"spark://{LOOPBACK}:{port}"
    with ExitStack() as started:
        log = folder / "master.log"
        place = ("--host", LOOPBACK, "--webui-port", "0")
        started.enter_context(_daemon(log, "master.Master", *place, "--port", str(port)))
        _wait(log, "New state: ALIVE")
        for number in range(n_workers):
            log = folder / f"worker{number}.log"
            share = ("--cores", "1", "--memory", "2g", "--work-dir", str(folder / f"work{number}"))
            started.enter_context(_daemon(log, "worker.Worker", *place, *share, master))
            _wait(log, "Successfully registered with master")
        yield master


@contextmanager
def _daemon(log: Path, name: str, *arguments: str) -> Iterator[None]:
    environment = os.environ | {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_NO_DAEMONIZE": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [SPARK_CLASS, f"{PACKAGE}.{name}", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(log: Path, text: str) -> None:
    end = time.monotonic() + TIMEOUT
    while text not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, standalone_cluster(Path(place)) as found:
        print(f"spark.master={found}", flush=True)
        with suppress(KeyboardInterrupt):
            sys.stdin.read()
