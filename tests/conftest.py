"""What tests share: one real broker for the whole run, and settings that keep tests out of each other's way."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka_admin import ensure_topics
from fraudstream.demo.world import DemoWorld
from fraudstream.settings import Settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the broker, so that `-m "not kafka"` runs the others without Java."""
    for item in items:
        if {"broker", "secure_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """Yield a started broker; shared by the run, so use topics of your own (see `kafka_settings`)."""
    short_sessions = {"group.min.session.timeout.ms": "1000"}  # a killed worker is missed sooner
    with EmbeddedBroker(tmp_path_factory.mktemp("broker"), overrides=short_sessions) as started:
        yield started


@pytest.fixture
def fresh_settings(broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    """Return settings with names and directories no other test has; its topics do not exist yet."""
    unique = uuid.uuid4().hex[:8]
    return Settings(
        _env_file=None,
        broker=broker.bootstrap,
        topic_prefix=f"t{unique}-",
        app_id=f"t{unique}",
        data_dir=tmp_path / "data",
        partitions=4,
        web_port=0,
    )


@pytest.fixture
def kafka_settings(broker: EmbeddedBroker, fresh_settings: Settings) -> Settings:
    """Return settings of this test alone, with its topics created."""
    asyncio.run(ensure_topics(fresh_settings))
    return fresh_settings


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with the demo's smallest world as of today: history, weeks, model and card token key.

    Shared by the run: read it, and keep what a worker writes elsewhere (its state lies under its own app id).
    """
    world = DemoWorld.for_rate(1)
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("small-world"))
    for _name, command in world.commands():
        subprocess.run(
            [sys.executable, "-m", "fraudstream", *command],
            env=os.environ | {"FRAUDSTREAM_DATA_DIR": str(settings.data_dir)},
            check=True,
            capture_output=True,
        )
    world.finish(settings)
    return settings.data_dir


@pytest.fixture
def world_settings(kafka_settings: Settings, small_world: Path) -> Settings:
    """Return settings of this test alone, with topics of its own and the small world's data."""
    return kafka_settings.model_copy(update={"data_dir": small_world})
