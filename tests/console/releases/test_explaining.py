"""An archived decision is made again on a page, and as JSON: what `fraudstream explain` says."""

import asyncio
import json
from pathlib import Path

import polars as pl
import pytest

from fraudstream.console.app import Console
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS
from tests.backtest.archives import filled, stream_of
from tests.console.visiting import made, visitor
from tests.explain.test_explain import trained
from tests.models import load_model


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a model and the archive of what it decided."""
    directory = tmp_path_factory.mktemp("explained")
    models = trained(directory / "models")
    archive = asyncio.run(filled(directory / "data", stream_of(400), model=load_model(models)))
    for path in archive.glob("date=*/*.parquet"):  # as the archiver names them
        offsets = pl.read_parquet(path, columns=["decision_offset"])["decision_offset"]
        path.rename(path.with_name(f"{path.stem}-{offsets.min():020d}-{offsets.max():020d}.parquet"))
    return directory


@pytest.fixture
def console(kept: Path, tmp_path: Path) -> Console:
    """Return a console with both."""
    return made(
        f"sqlite:///{tmp_path / 'c.db'}",
        data_dir=tmp_path,
        models=str(kept / "models"),
        archive=str(kept / "data" / "archive"),
        partitions=PARTITIONS,
        lateness_horizon_s=ALLOWED_LATENESS_MS // 1000,
    )


def test_a_decision_is_made_again(console: Console) -> None:
    """Identical, with what would have changed it; the page of the payment leads there."""
    who = visitor(console, "analyst")
    found = stream_of(400)["tid"][7]
    said = json.loads(who.get(f"/payments/explain.json?id={found}"))
    page = who.get(f"/payments/explain?id={found}")

    assert [True] == [each["identical"] for each in said]
    assert f"Identical: {len(said[0]['compared'])} values were computed again" in page
    assert "What would have changed it" in page
    assert f'href="/payments/explain?id={found}"' in who.get(f"/search/payment?id={found}")


def test_a_payment_that_is_not_archived_is_said(console: Console) -> None:
    """On the page, and as JSON."""
    who = visitor(console, "analyst")

    assert "No archived payment has this id" in who.get("/payments/explain?id=none", 404)
    assert "[]" == who.get("/payments/explain.json?id=none", 404)
