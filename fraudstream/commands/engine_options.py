"""Options of the commands that work on this machine or on Spark."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from fraudstream.adapters.extras import check_installed

if TYPE_CHECKING:
    from fraudstream.adapters.spark import Spark

Command = TypeVar("Command", bound=Callable[..., Any])

LOCAL, SPARK = "local", "spark"

Engine = Literal["local", "spark"]


def _checked(context: click.Context, parameter: click.Parameter, engine: str) -> str:
    """Return the engine; raises NotInstalled before anything else is looked at."""
    if engine == SPARK:
        check_installed("pyspark", what="--engine spark")
    return engine


def engine_options(here: str = LOCAL) -> Callable[[Command], Command]:
    """Add --engine and --master; `here`: what the engine on this machine is called."""
    engine = click.option(
        "--engine",
        type=click.Choice([here, SPARK]),
        default=here,
        show_default=True,
        callback=_checked,
        help="What does the work: this process, or Spark.",
    )
    master = click.option(
        "--master",
        "--spark-master",
        "master",
        default="local[*]",
        show_default=True,
        help="With --engine spark: this machine, or a cluster's URL.",
    )

    def added(command: Command) -> Command:
        return engine(master(command))

    return added


@contextmanager
def spark_of(engine: Engine, master: str, name: str) -> "Iterator[Spark | None]":
    """Yield a session if Spark shall do the work of a command; raises SetupError if it cannot be started."""
    if engine == LOCAL:
        yield None
        return
    from fraudstream.adapters.spark import spark_session

    with spark_session(master, name) as spark:
        yield spark
