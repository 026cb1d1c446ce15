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

NEEDS = {
    "tests/acceptance/test_small_worlds": "process",
    "tests/adapters/archive/test_copied": "server",
    "tests/adapters/broker": "kafka",
    "tests/adapters/database/test_case_machine": "property",
    "tests/adapters/models/test_contributions": "property",
    "tests/adapters/models/test_few_rows": "property",
    "tests/adapters/weekly/test_fake_feature_store": "server",
    "tests/adapters/weekly/test_sagemaker": "server",
    "tests/agents/test_nightly": "process",
    "tests/analytics/test_attacks.py::test_attacks_are_those": "property",
    "tests/analytics/test_figures.py::test_figures_are_those": "property",
    "tests/analytics/test_files_s3": "server",
    "tests/analytics/test_filters.py::test_sql_and_the_search": "property",
    "tests/analytics/test_local_days": "property",
    "tests/api/fraud_detector/test_process": "process",
    "tests/api/fraud_detector/test_sequences": "process",
    "tests/api/test_client": "process",
    "tests/api/test_human_review": "server",
    "tests/api/test_predictions": "process",
    "tests/api/test_kills": "process",
    "tests/api/test_hostile": "process",
    "tests/backtest": "process",
    "tests/backtest/test_backtest_on_spark": "spark",
    "tests/benchmarks/test_batch": "bench",
    "tests/benchmarks/test_day_windows": "bench",
    "tests/benchmarks/test_etl_benchmark": "bench",
    "tests/benchmarks/test_quick_run": "bench",
    "tests/benchmarks/test_releases_benchmark": "bench",
    "tests/benchmarks/test_search": "bench",
    "tests/commands": "process",
    "tests/console/test_cases_in_chromium": "browser",
    "tests/console/test_oidc": "server",
    "tests/console/test_pages_in_chromium": "browser",
    "tests/console/query/test_query_in_chromium": "browser",
    "tests/console/query": "process",
    "tests/console/results/test_results_in_chromium": "browser",
    "tests/console/search/test_search_in_chromium": "browser",
    "tests/console/stream/test_stream_in_chromium": "browser",
    "tests/contracts/test_models_s3": "server",
    "tests/contracts/test_weekly_redis": "server",
    "tests/contracts/test_weekly_sagemaker": "server",
    "tests/contracts/test_s3_objects": "server",
    "tests/deploy/test_compose_world": "process",
    "tests/deploy/test_observability.py::test_alerts_fire": "process",
    "tests/deploy/test_observability.py::test_prometheus_accepts": "process",
    "tests/deploy/test_observability.py::test_the_dashboard_s_queries_are_promql": "process",
    "tests/drift/test_drift.py::test_the_number_of_payments": "property",
    "tests/end_to_end": "process",
    "tests/inbox/test_inbox_directory": "process",
    "tests/inbox/test_inbox_s3": "server",
    "tests/inbox/test_inbox_train": "process",
    "tests/installation": "process",
    "tests/notebook/test_decide": "property",
    "tests/notebook/test_notebooks": "process",
    "tests/notebook/test_open": "server",
    "tests/explain": "process",
    "tests/offline/etl/test_etl_disk": "process",
    "tests/offline/etl/test_etl_on_spark": "spark",
    "tests/offline/etl/test_etl_rejected": "property",
    "tests/offline/etl/test_etl_s3": "server",
    "tests/offline/test_activation": "process",
    "tests/offline/test_engines": "spark",
    "tests/offline/etl/test_etl.py::test_raw_csv_becomes_a_model": "process",
    "tests/offline/test_importing.py::test_a_foreign_csv_becomes_a_model": "process",
    "tests/offline/test_model_input.py::test_a_model_that_learns": "process",
    "tests/offline/test_event_types": "process",
    "tests/offline/test_opening": "spark",
    "tests/offline/test_training": "process",
    "tests/offline/training/test_": "process",
    "tests/parity/test_parity": "process",
    "tests/security": "kafka",
    "tests/tables/test_crash": "property",
    "tests/test_demo": "process",
    "tests/test_parallel_runs": "process",
    "tests/world/test_generate.py::test_windows_of_live_traffic": "property",
    "tests/world/test_scenarios.py::test_live_traffic": "property",
    "tests/process/test_private_files": "process",
    "tests/test_settings": "process",
    "tests/process/test_supervisor": "process",
    "tests/web/test_behind_nginx": "server",
    "tests/web/test_connections": "process",
    "tests/report/test_making": "process",
    "tests/report/test_page": "browser",
    "tests/web/test_pages_in_chromium": "browser",
    "tests/domain/registry/test_insight": "property",
    "tests/domain/releases/test_guardrails": "property",
    "tests/domain/rules/test_few_rules": "property",
    "tests/domain/rules/test_pass_share": "property",
    "tests/domain/test_card_numbers_in_parts": "property",
    "tests/domain/test_conditions.py::test_a_compiled": "property",
    "tests/domain/test_decision.py::test_any_values": "property",
    "tests/predict/test_on_spark": "spark",
    "tests/predict/test_prediction.py::test_a_killed": "property",
    "tests/predict/test_what_if.py::test_the_command": "process",
    "tests/predict/test_same_bits": "property",
    "tests/world/test_handbook": "property",
    "tests/world/test_late_labels": "property",
}
"""Start of a test's path -> what it needs beside Python and the disk, or why it takes long; `make test-fast` has none of them."""

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

SLOW = frozenset({"bench", "browser", "kafka", "process", "property", "server", "spark"})
"""Tests with these marks come next: at the end of a run are those that take a moment, which spread evenly."""

LOGS_SHOWN, LOG_CHARACTERS = 3, 3000
"""How many of a failed test's newest logs are shown, and how many of their last characters."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist names the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
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
    items.sort(key=_when)


def _when(item: pytest.Item) -> int:
    """Return where in the run a test belongs."""
    if item.nodeid.startswith(LONGEST_FIRST):
        return 0
    return 1 if SLOW & {mark.name for mark in item.iter_markers()} else 2


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
