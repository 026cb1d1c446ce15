"""Runs functions on Spark: on this machine, or on a cluster whose machines have this software and see the same files.

What a task raises as an error of ours is raised here as the same error, so that commands end as they do without Spark.
"""

import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
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

LOST = ("Python worker exited unexpectedly", "ExecutorLostFailure", "java.lang.OutOfMemoryError")
"""What Spark says of a process that was ended, most often by the system."""

LOST_SAID = (
    "a process of Spark ended before its task was done, most often for lack of memory; give Spark's machines more, or fewer tasks "
    "at a time, e.g. with --master 'local[2]'"
)

T = TypeVar("T")
R = TypeVar("R")

Failure = FraudstreamError | OSError
"""What a task returns instead of raising it: Spark would make a text of it."""

FAILURES = (FraudstreamError, OSError)

Step = Callable[[int, Sequence[T]], Iterable[tuple[int, R]]]
"""Makes of a task's number, and of all that it is given, what other tasks are given, with their numbers."""


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

    def given(self, items: Sequence[T], function: Step[T, R]) -> Any:
        """Return what a function makes of each item and its number, as an RDD of pairs: which task goes on with it, and what it is."""
        return self.then(self.context.parallelize(list(enumerate(items)), max(len(items), 1)), function)

    def exchanged(self, pairs: Any, tasks: int) -> Any:
        """Return pairs, each where the task is that goes on with it."""
        return pairs.partitionBy(tasks, int)

    def then(self, pairs: Any, function: Step[T, R]) -> Any:
        """Return what a function makes of a task's number and of all that is there, as pairs."""
        return pairs.mapPartitionsWithIndex(partial(passed_on, function))

    def collected(
        self, pairs: Any, waiting: Callable[[], None] = lambda: None, only: Sequence[int] | None = None
    ) -> list[Any]:
        """Return what tasks have made, all of them or `only` some; raises what went wrong in one."""
        found = self.awaited(lambda: self.context.runJob(pairs, list, only), waiting)
        return [told(made) for _, made in found]

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
        from py4j.protocol import Py4JError

        def result(future: Future[R]) -> R:
            while True:
                try:
                    return future.result(LOOK_S)
                except TimeoutError:
                    if future.done():
                        raise
                    waiting()
                except Py4JError as error:
                    if any(sign in str(error) for sign in LOST):
                        raise SetupError(LOST_SAID) from error
                    raise

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


def passed_on(
    function: Step[T, R], task: int, given: Iterable[tuple[int, T | Failure]]
) -> Iterable[tuple[int, R | Failure]]:
    """Call a function with all that is for a task; a failure, here or before, goes on to the first task, and so comes back."""
    items: list[T] = []
    for _, item in given:
        if isinstance(item, FAILURES):
            return [(0, item)]
        items.append(item)
    if not items:
        return []
    made = caught(lambda some: list(function(task, some)), items)
    return [(0, made)] if isinstance(made, FAILURES) else made


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
