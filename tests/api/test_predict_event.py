"""`fraudstream predict`: one event asked of workers, and the same row in a file, have the same decision."""

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.settings import Settings
from tests.api.events import event
from tests.api.serving import serving
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker
from tests.models import saved
from tests.notebook.test_open import trees

pytestmark = pytest.mark.timeout(300)

JUDGED = ("score", "probability", "outcome", "rules", "reasons", "model_version", "ruleset_version")


def written(path: Path, said: Any) -> Path:
    """Write JSON."""
    path.write_text(json.dumps(said))
    return path


async def test_one_event_is_decided_by_a_worker_as_the_same_row_of_a_file(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Bit by bit; asked again, the answer is the same, and what is no event is told from what is not known."""
    paid = [event("p-1"), event("p-2", 1, amount=9_999.5)]
    files = [written(tmp_path / f"{number}.json", each) for number, each in enumerate(paid)]
    wrong = written(tmp_path / "wrong.json", event("p-3", amount="lots"))
    pl.DataFrame(paid).write_parquet(tmp_path / "in.parquet")

    saved(kafka_settings.data_dir / "models", trees())

    with Worker(kafka_settings, ("-m", "fraudstream", "worker")):
        async with serving(kafka_settings) as http:
            url = str(http.base_url)

            async def asked(file: Path, *options: str) -> tuple[int, str, str]:
                arguments = ("predict", "--event", file, "--url", url, *options)
                done = await asyncio.to_thread(fraudstream, kafka_settings, *arguments)
                return done.returncode, done.stdout, done.stderr

            told = [await asked(file, "--json") for file in files]
            again, shown, refused = await asked(files[0], "--json"), await asked(files[1]), await asked(wrong)
    gone = await asked(files[0])
    out = tmp_path / "out.parquet"
    batch = await asyncio.to_thread(
        fraudstream, kafka_settings, "predict", tmp_path / "in.parquet", "--out", out
    )

    assert [0, 0] == [code for code, _, _ in told], told
    realtime = [json.loads(text) for _, text, _ in told]
    assert told[0][1] == again[1]
    assert (0, "p-2") == (shown[0], shown[1].split()[1])
    assert (1, True) == (refused[0], refused[2].startswith("invalid: "))
    assert (75, True) == (gone[0], "unreachable" in gone[2])
    assert 0 == batch.returncode, batch.stderr
    rows = pl.read_parquet(out).to_dicts()
    assert [[each[name] for name in JUDGED] for each in realtime] == [
        [row[name] for name in JUDGED] for row in rows
    ]
