"""A console with an archive of ten days, labels and a model."""

import asyncio
from pathlib import Path

import pytest

from fraudstream.console.app import Console
from fraudstream.domain.times import DAY_MS
from tests.backtest.archives import filled, label, stream_of
from tests.console.visiting import made
from tests.releases import registry_in


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of ten days with labels."""
    found = asyncio.run(filled(tmp_path_factory.mktemp("archive"), stream_of(600)))
    fraud, good = ([f"p{number}" for number in range(first, 600, 7)] for first in (0, 1))
    label(found, fraud, good, int(stream_of(600)["event_time"].max()) + DAY_MS)  # type: ignore[arg-type]
    return found


@pytest.fixture
def console(tmp_path: Path, archive: Path) -> Console:
    """Return a console with that archive and a model."""
    registry_in(tmp_path / "models", 1)
    return made(
        f"sqlite:///{tmp_path / 'console.db'}",
        data_dir=tmp_path,
        models=str(tmp_path / "models"),
        archive=str(archive),
    )
