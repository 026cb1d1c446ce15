"""What tests share: one real broker for the whole run, and settings that keep tests out of each other's way."""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.demo.world import DemoWorld
from fraudstream.process.tuning import calm_garbage_collection, let_threads_sleep
from fraudstream.settings import Settings
from tests.needs import NEEDS, SLOW
from tests.postgresql_server import database_url, empty_database_url, postgresql
from tests.shared import (
    BROKER_HEAP_MB,
    SHORT_SESSIONS,
    Broker,
    day_that_lasts,
    delete_topics,
    made_once,
    own_settings,
    run_directory,
    running_once,
)

__all__ = ["database_url", "empty_database_url", "postgresql"]

let_threads_sleep()  # and no test has imported xgboost yet
calm_garbage_collection()  # a fifth of the time that importing the tests takes
hypothesis.settings.register_profile("at any speed", deadline=None)
hypothesis.settings.load_profile("at any speed")

KAFKA_FIXTURES = frozenset({"broker", "own_broker", "secure_kafka"})

LONGEST_FIRST = (
    "tests/benchmarks",
    "tests/deploy",
    "tests/test_demo",
    "tests/end_to_end",
    "tests/chaos",
    "tests/offline",
    "tests/acceptance",
)
"""These start first, so that in a parallel run no process begins them when the others have ended."""

LOGS_SHOWN, LOG_CHARACTERS = 3, 3000
"""How many of a failed test's newest logs are shown, and how many of their last characters."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `make test-fast`."""
    parser.addoption(
        "--fast", action="store_true", help=f"leave out what is marked {', '.join(sorted(SLOW))}"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the files of which `--fast` leaves out everything: that takes seconds."""
    if not config.getoption("fast"):
        return None
    return collection_path.relative_to(config.rootpath).as_posix().startswith(tuple(NEEDS)) or None


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist names the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they need, let the long ones go first, and keep those that share a costly fixture together."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if KAFKA_FIXTURES & fixtures:
            item.add_marker(pytest.mark.kafka)
        if "small_world" in fixtures:
            item.add_marker(pytest.mark.process)
        for start, need in NEEDS.items():
            if item.nodeid.startswith(start):
                item.add_marker(getattr(pytest.mark, need))
        if shared := _shared_in_one_process(item):
            item.add_marker(pytest.mark.xdist_group(shared))
    if config.getoption("fast"):
        config.hook.pytest_deselected(items=[item for item in items if _slow(item)])
        items[:] = [item for item in items if not _slow(item)]
    items.sort(key=_when)


def _when(item: pytest.Item) -> int:
    """Return where in the run a test belongs."""
    if item.nodeid.startswith(LONGEST_FIRST):
        return 0
    return 1 if _slow(item) else 2


def _slow(item: pytest.Item) -> bool:
    return not SLOW.isdisjoint(mark.name for mark in item.iter_markers())


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of later collections: none of it is ever free."""
    gc.collect()
    calm_garbage_collection()


def _shared_in_one_process(item: pytest.Item) -> str | None:
    """Return what a test shares with others only if they run in one process: a broker with logins, Spark, or its module's fixtures."""
    if "secure_kafka" in getattr(item, "fixturenames", ()):
        return "secure_kafka"
    if item.get_closest_marker("spark"):
        return "spark"
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009 - pytest has no public name for it
    in_module = any(each.scope == "module" for found in definitions for each in found)
    return item.nodeid.partition("::")[0] if in_module else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a failed test show what its processes have logged: on another machine that is all there is to go by."""
    report = yield
    directory = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and directory is not None:
        for path in sorted(directory.rglob("*.log"), key=lambda path: path.stat().st_mtime)[-LOGS_SHOWN:]:
            report.sections.append(
                (f"end of {path.name}", path.read_text(errors="replace")[-LOG_CHARACTERS:])
            )
    return report


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Yield a started broker; shared by the run, so use topics of your own (see `kafka_settings`)."""

    @contextmanager
    def start() -> Iterator[dict[str, str]]:
        directory = tmp_path_factory.mktemp("broker")
        with EmbeddedBroker(directory, heap_mb=BROKER_HEAP_MB, overrides=SHORT_SESSIONS) as started:
            yield {"bootstrap": started.bootstrap, "data_dir": str(started.data_dir)}

    with running_once(run_directory(tmp_path_factory), "broker", start) as described:
        yield Broker(described["bootstrap"], Path(described["data_dir"]))


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """Yield a broker of one module, whose tests stop, freeze or damage it."""
    with EmbeddedBroker(tmp_path_factory.mktemp("broker"), overrides=SHORT_SESSIONS) as started:
        yield started


@pytest.fixture
def fresh_settings(broker: Broker, tmp_path: Path) -> Iterator[Settings]:
    """Yield settings with names and directories no other test has; its topics do not exist yet, and do not outlive it."""
    settings = own_settings(broker.bootstrap, tmp_path / "data", web_port=0)
    yield settings
    delete_topics(broker.bootstrap, settings.app_id)


@pytest.fixture
def kafka_settings(broker: Broker, fresh_settings: Settings) -> Settings:
    """Return settings of this test alone, with its topics created."""
    asyncio.run(ensure_topics(fresh_settings))
    return fresh_settings


@pytest.fixture
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a data directory with the demo's smallest world as of today: history, weeks, model and card token key.

    Shared by the run's tests of a day: read it, and keep what a worker writes elsewhere (its state lies under its own app id).
    """
    name = f"small-world-{day_that_lasts()}"
    with made_once(run_directory(tmp_path_factory), name, _make_small_world) as data_dir:
        yield data_dir


def _make_small_world(data_dir: Path) -> None:
    world = DemoWorld.for_rate(1)
    settings = Settings(_env_file=None, data_dir=data_dir)
    for _name, command in world.commands():
        subprocess.run(
            [sys.executable, "-m", "fraudstream", *command],
            env=os.environ | {"FRAUDSTREAM_DATA_DIR": str(data_dir)},
            check=True,
            capture_output=True,
        )
    world.finish(settings)


@pytest.fixture
def world_settings(kafka_settings: Settings, small_world: Path) -> Settings:
    """Return settings of this test alone, with topics of its own and the small world's data."""
    return kafka_settings.model_copy(update={"data_dir": small_world})
