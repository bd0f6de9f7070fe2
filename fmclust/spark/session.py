"""Start Apache Spark quietly, and report its errors in one line."""

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from fmclust.errors import UserError, one_line, require_extra

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MIN_JAVA = 17
MIN_HEAP = 1 << 30  # bytes; Spark's default
LOOPBACK = "127.0.0.1"
LOG = "spark.log"
SETTINGS = {
    "spark.app.name": "fmclust",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",  # it would mix with our bar
    # Small files are not worth a task of their own: 2,000 of them make one, not 32.
    "spark.sql.files.openCostInBytes": str(1 << 16),
}
NOISE = "PySpark does not yet fully support pandas"  # data pass by Arrow, without pandas
NOT_STARTED = re.compile("Java gateway|JAVA_GATEWAY")  # raised by PySpark if Java ends at once
CAUSE = re.compile(r"^(?:Caused by)?: (.+)", re.MULTILINE)
EXCEPTION = re.compile(r"^(?:org|java|com)[\w.$]*: ")
RAISED = re.compile(r"^[\w.]*(?:Error|Exception|Interrupt|Exit)\b.*", re.MULTILINE)


@dataclass(frozen=True)
class SparkSettings:
    """How to reach Spark.

    Attributes:
        master: Spark's master, such as `local[*,4]` or `spark://<host>:7077`.
        conf: Settings of Spark's by name.
    """

    master: str = "local[*,4]"
    conf: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Any) -> "SparkSettings":
        """Return the settings of the configuration group `spark`.

        Raises:
            UserError: If `spark.conf` is not a dictionary.
        """
        conf = {} if settings.conf is None else settings.conf
        if not isinstance(conf, Mapping):
            raise UserError(
                f"spark.conf={conf} is not settings by name: type "
                'spark.conf="{spark.executor.memory: 4g}", for example.'
            )
        return cls(str(settings.master), dict(conf))

    @property
    def is_local(self) -> bool:
        """Whether all of Spark runs on this machine, in one process and its workers."""
        return self.master.startswith("local")

    def all_conf(self) -> dict[str, str]:
        """Return every setting of Spark that differs from its default."""
        conf = {
            **SETTINGS,
            "spark.master": self.master,
        }
        if self.is_local:
            heap = max(MIN_HEAP, psutil.virtual_memory().available // 4)
            conf |= {
                "spark.driver.host": LOOPBACK,
                "spark.driver.bindAddress": LOOPBACK,
                "spark.driver.memory": f"{heap >> 20}m",
            }
        typed = {str(key): str(value) for key, value in self.conf.items()}
        # Spark reads true and false in lower case only.
        return conf | {k: v.lower() if v in ("True", "False") else v for k, v in typed.items()}


def require_spark() -> None:
    """Check that PySpark, pyarrow and Java are installed.

    Raises:
        UserError: If one of them is not; says what to install.
    """
    require_extra("engine=spark", "spark", "pyarrow", "pyspark")
    version = java_version()
    if version is None or version < MIN_JAVA:
        found = "there is none" if version is None else f"this is Java {version}"
        raise UserError(
            f"engine=spark needs Java {MIN_JAVA} or later, and {found}: on Debian or Ubuntu, type "
            f"apt-get install openjdk-{MIN_JAVA}-jre-headless, and elsewhere set JAVA_HOME."
        )


def java_version() -> int | None:
    """Return the major version of the Java that Spark would run, or None if there is none."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        return None
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', shown.stderr)  # 1.8 is Java 8
    return int(found[1]) if found else None


@contextmanager
def spark_session(settings: SparkSettings, log: Path) -> Iterator["SparkSession"]:
    """Start Spark, and stop it after the block.

    Args:
        settings: How to reach it.
        log: File that what Spark prints is appended to.

    Raises:
        UserError: If Spark or Java is missing, or Spark fails to start, or fails in the block.
    """
    require_spark()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for key, value in settings.all_conf().items():
        builder = builder.config(key, value)
    with one_line_errors(log), warnings.catch_warnings(), _environment(settings), _quiet_py4j():
        warnings.filterwarnings("ignore", NOISE)
        with _stderr_to(log), _interrupts_kept():  # Java keeps the file
            session = builder.getOrCreate()
            session.sparkContext.setLogLevel("WARN")
        try:
            yield session
        finally:
            with warnings.catch_warnings():  # of a JVM that has ended already, after Ctrl-C
                warnings.simplefilter("ignore", RuntimeWarning)
                session.stop()


@contextmanager
def one_line_errors(log: Path) -> Iterator[None]:
    """Turn the errors of Spark into one line.

    Raises:
        UserError: If the block raises an error of Spark's, or of Java's.
        KeyboardInterrupt: If an error follows from Ctrl-C.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except Exception as error:
        if _was_interrupted(error):
            raise KeyboardInterrupt from error
        if isinstance(error, (PySparkException, Py4JError)):
            why = f"Spark failed: {reason_of(str(error))}"
        elif isinstance(error, RuntimeError) and NOT_STARTED.search(str(error)):
            why = f"Spark did not start: {one_line(error)}"
        else:
            raise
        raise UserError(f"{why} (more in {log})") from error


def _was_interrupted(error: BaseException) -> bool:
    """Return whether an error was raised while Ctrl-C was handled, which ends a connection."""
    before = error.__context__
    return before is not None and (
        isinstance(before, KeyboardInterrupt) or _was_interrupted(before)
    )


def reason_of(text: str) -> str:
    """Return the line of an error of Spark's that says why, without the name of Java's exception.

    An error in a worker has the traceback of Python, after which come the lines of Java; an error
    of Java has its causes, the last of which is the first that happened.
    """
    python = text.partition("Traceback (most recent call last)")[2].partition("\n\tat ")[0]
    found = RAISED.findall(python) or CAUSE.findall(text) or [text.strip().splitlines()[0]]
    return one_line(EXCEPTION.sub("", found[-1]))


@contextmanager
def _environment(settings: SparkSettings) -> Iterator[None]:
    """Set what Spark reads from the environment, unless the user has set it.

    The workers run this Python; Spark on this machine binds to the loopback.
    """
    wanted = {"PYSPARK_PYTHON": str(settings.conf.get("spark.pyspark.python", sys.executable))}
    if settings.is_local:
        wanted["SPARK_LOCAL_IP"] = LOOPBACK
    missing = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for key in missing:
            del os.environ[key]


@contextmanager
def _quiet_py4j() -> Iterator[None]:
    """Suppress the log of py4j: its connections, and errors that it raises as well.

    It logs Ctrl-C to the root logger.
    """

    def is_not_of_py4j(record: logging.LogRecord) -> bool:
        return "py4j" not in Path(record.pathname).parts

    root = logging.getLogger()
    root.addFilter(is_not_of_py4j)
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        root.removeFilter(is_not_of_py4j)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Restore the handler of SIGINT after the block.

    PySpark's handler asks Java to cancel the jobs, which fails while Java is asked something else.
    Stopping the session cancels them, too.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _stderr_to(path: Path) -> Iterator[None]:
    """Append what this process and those that it starts write to standard error to a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
