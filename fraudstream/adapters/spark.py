"""Runs functions on Spark: on this machine, or on a cluster whose machines have this software and see the same files.

What a task raises as an error of ours is raised here as the same error, so that commands end as they do without Spark.
"""

import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from fraudstream.adapters.broker.java import find_java
from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.in_order import in_order
from fraudstream.domain.errors import FraudstreamError, SetupError

ON_THIS_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",  # otherwise it fetches its results from an address where nothing listens
    "spark.sql.shuffle.partitions": "8",  # 200 are for a cluster
}

ONE_THREAD = {
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
    "spark.executorEnv.OMP_NUM_THREADS": "1",
}
"""There is a process for each core already."""

QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}

LOOK_S = 5.0
"""How often whoever waits for Spark is asked whether to go on."""

T = TypeVar("T")
R = TypeVar("R")

Failure = FraudstreamError | OSError
"""What a task returns instead of raising it: Spark would make a text of it."""

FAILURES = (FraudstreamError, OSError)


class Spark:
    """A session, for work that is cut into tasks already."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.context: Any = session.sparkContext
        self._tag = f"fraudstream-{uuid.uuid4().hex}"

    @property
    def cores(self) -> int:
        """How many tasks run at a time."""
        return max(1, int(self.context.defaultParallelism))

    def mapped(
        self, function: Callable[[T], R], items: Iterable[T], waiting: Callable[[], None] = lambda: None
    ) -> Generator[R]:
        """Yield a function's results in the order of the items, each made by a task; a few more than there are cores are under way.

        `waiting` is called from time to time; what it raises ends the tasks.
        """
        with self._tasks(waiting) as (pool, result):

            def begin(item: T) -> Future[list[R | Failure]]:
                return pool.submit(self._tagged, partial(self._one, function, item))

            for (one,) in in_order(begin, items, self.cores + 1, result):
                yield told(one)

    def awaited(self, action: Callable[[], R], waiting: Callable[[], None]) -> R:
        """Return what an action on Spark returns; `waiting` as above."""
        with self._tasks(waiting) as (pool, result):
            return result(pool.submit(self._tagged, action))

    def _one(self, function: Callable[[T], R], item: T) -> list[R | Failure]:
        return list(self.context.parallelize([item], 1).map(partial(caught, function)).collect())

    def _tagged(self, action: Callable[[], R]) -> R:
        self.context.addJobTag(self._tag)
        return action()

    @contextmanager
    def _tasks(
        self, waiting: Callable[[], None]
    ) -> Iterator[tuple[ThreadPoolExecutor, Callable[[Future[R]], R]]]:
        """Yield threads to start tasks in, and what waits for one; if the block fails, tasks that still run are ended."""

        def result(future: Future[R]) -> R:
            while True:
                try:
                    return future.result(LOOK_S)
                except TimeoutError:
                    if future.done():
                        raise
                    waiting()

        with ThreadPoolExecutor(self.cores + 1) as pool:
            try:
                yield pool, result
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.context.cancelJobsWithTag(self._tag)
                raise


def caught(function: Callable[[T], R], item: T) -> R | Failure:
    """Return what a function returns, or an error of ours that it raises."""
    try:
        return function(item)
    except FAILURES as error:
        return error


def told(result: R | Failure) -> R:
    """Return a result, or raise it if it is an error."""
    if isinstance(result, FAILURES):
        raise result
    return result


@contextmanager
def spark_session(master: str, name: str) -> Iterator[Spark]:
    """Yield a session at `local[*]`, or at the URL of a cluster; the one that the process has already, if there is one.

    Raises SetupError without PySpark or if Spark cannot be started, BrokerError without a Java.
    """
    with extras_named():
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    if (active := SparkSession.getActiveSession()) is not None:
        yield Spark(active)
        return
    os.environ.setdefault("JAVA_HOME", str(find_java("Spark").path.resolve().parents[1]))
    here = master.startswith("local")
    builder: Any = SparkSession.builder
    builder = builder.master(master).appName(f"fraudstream {name}").config(map=QUIET | ONE_THREAD)
    if here:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config(map=ON_THIS_MACHINE | {"spark.local.dir": tempfile.gettempdir()})
    try:
        session = builder.getOrCreate()
    except (Py4JError, PySparkException) as error:
        said = str(error).strip().splitlines()
        raise SetupError(f"Spark at {master} cannot be started: {said[-1] if said else error!r}") from error
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield Spark(session)
    finally:
        session.stop()
