"""What a backtest predicts is what a worker then decides, payment by payment."""

import asyncio
import json
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.secrets import token_keys
from fraudstream.domain.times import DAY_MS
from fraudstream.parity.expected import Expected
from fraudstream.parity.payments import made_up
from fraudstream.parity.proof import write_weeks
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import Encoder
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, produce, settled
from tests.models import load_model
from tests.shared import delete_topics

RULES = """
[[rules]]
name = "several-small"
when = "num_trans_last_10m >= 3 AND amount < 5000"
outcome = "review"

[[rules]]
name = "likely"
when = "probability > 0.01 AND amt_ratio2 > 0.5"
outcome = "block"
"""


def candidate_file(directory: Path) -> Path:
    """Write the event type of card payments with other rules."""
    declared = Path("fraudstream/event_types/card.toml").read_text()
    file = directory / "candidate.toml"
    file.write_text(declared[: declared.index("# Rules are SQL")] + RULES)
    return file


async def decided(settings: Settings, stream: pl.DataFrame) -> pl.DataFrame:
    """Let a worker decide a stream, and return its archive."""
    batch = Encoder(event_type_named("card"), settings.partitions).encode(stream, None)
    await produce(settings, [(message.key, message.value) for message in batch.messages])
    with Worker(settings, ("-m", "fraudstream", "worker", "--without-web")):
        await settled(settings, timeout_s=200)
    done = await asyncio.to_thread(fraudstream, settings, "archive", "run", "--once", timeout_s=120)
    assert 0 == done.returncode, done.stderr
    return pl.read_parquet(f"{settings.archive_place}/date=*/*.parquet", hive_partitioning=False)


def champion_of(settings: Settings, small_world: Path, directory: Path) -> Settings:
    """Return settings of the worker whose decisions are archived."""
    token_keys.make_first(directory / "card-token.key")
    return settings.model_copy(
        update={
            "web": False,
            "models": str(small_world / "models"),
            "card_token_key_file": directory / "card-token.key",
            "archive": str(directory / "champion"),
        }
    )


async def explained(settings: Settings, archive: pl.DataFrame) -> None:
    """Make every archived decision again: all are identical."""
    again = await asyncio.to_thread(
        fraudstream, settings, "explain", "--sample", "10000", "--json", timeout_s=200
    )
    expected = {"asked": archive.height, "identical": archive.height, "causes": {}, "examples": []}
    assert expected == json.loads(again.stdout)
    alert = archive.filter(pl.col("outcome") != "approve")["transaction_id"][0]
    one = await asyncio.to_thread(fraudstream, settings, "explain", alert, timeout_s=200)
    assert 0 == one.returncode, one.stderr
    assert "identical: " in one.stdout


async def drifted(settings: Settings, archive: pl.DataFrame) -> None:
    """Compare the archive with the training of its model: every feature and the probability, of the last seven days."""
    done = await asyncio.to_thread(fraudstream, settings, "drift", "--json", timeout_s=100)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    first_ms = archive["event_time"].max() + 1 - 7 * DAY_MS  # type: ignore[operator]
    manifest = Registry.of(settings).manifest(Registry.of(settings).resolve())
    assert [*manifest["features"], "probability"] == [each["name"] for each in report["training"]]
    assert archive.filter(pl.col("event_time") >= first_ms).height == report["payments"]
    assert "probability (training)" in report["drifted"]  # the stream is made up otherwise than the world


@pytest.mark.timeout(600)
async def test_predicted_decisions_are_those_of_a_worker(
    kafka_settings: Settings, small_world: Path, tmp_path: Path
) -> None:
    """Ties, disorder, late, repeated and contradicted payments, refunds; other rules than those of the archived decisions."""
    event_type = event_type_named("card")
    champion = champion_of(kafka_settings, small_world, tmp_path)
    stream = made_up(4000, 9, event_type)
    expected = Expected.of(
        stream,
        load_model(small_world / "models"),
        champion.partitions,
        champion.lateness_horizon_s * 1000,
        event_type,
    )
    nights = await asyncio.to_thread(write_weeks, champion, stream.filter(expected.decided), event_type)
    champion = champion.model_copy(update={"weekly_kept": nights})
    was = await decided(champion, stream)

    done = await asyncio.to_thread(
        fraudstream,
        champion,
        *("backtest", "--rules", candidate_file(tmp_path), "--out", tmp_path / "predicted", "--json"),
        timeout_s=200,
    )
    assert 0 == done.returncode, done.stderr
    report = json.loads(done.stdout)
    predicted = pl.read_parquet(tmp_path / "predicted" / "*.parquet")

    await explained(champion, was)
    await drifted(champion, was)
    candidate = champion.model_copy(
        update={
            "event_type": str(tmp_path / "candidate.toml"),
            "app_id": f"{champion.app_id}-candidate",
            "topic_prefix": f"{champion.topic_prefix}candidate-",
            "state_dir": tmp_path / "candidate-state",
            "archive": str(tmp_path / "candidate"),
        }
    )
    await ensure_topics(candidate)
    try:
        is_now = await decided(candidate, stream)
    finally:
        await asyncio.to_thread(delete_topics, champion.broker, candidate.app_id)

    names = ["transaction_id", "outcome", "score", "probability", "rules"]
    compared = predicted.filter(pl.col("cause").is_null()).select(names).sort("transaction_id")
    then = is_now.select(names).unique("transaction_id").sort("transaction_id")
    assert was["transaction_id"].n_unique() == predicted.height == report["payments"]
    assert {} == {cause: each["payments"] for cause, each in report["not_compared"].items()}
    assert compared.equals(then.join(compared.select("transaction_id"), on="transaction_id", how="semi"))
    assert 100 < report["changed"]
    assert {"several-small", "likely"} == {rule["rule"] for rule in report["candidate_figures"]["rules"]}
