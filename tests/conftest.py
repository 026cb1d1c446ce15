"""What tests share: one real broker for the whole run, and settings that keep tests out of each other's way."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka_admin import ensure_topics
from fraudstream.settings import Settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses the broker, so that `-m "not kafka"` runs the others without Java."""
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """Yield a started broker; shared by the run, so use topics of your own (see `kafka_settings`)."""
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as started:
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
    asyncio.run(ensure_topics(broker.bootstrap, fresh_settings))
    return fresh_settings
