"""`fraudstream.open`: a detector for a notebook, and sentences where something does not fit."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import boto3
import numpy as np
import polars as pl
import pytest
import xgboost

import fraudstream
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.adapters.weekly.files import write_snapshot
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.notebook.detector import OpenDetector
from tests.models import saved

__all__ = ["bucket", "s3"]
from tests.s3_server import bucket, s3

DAY_TWO_MS = midnight_ms(date(2026, 3, 2))
CARDS = ["4006080197832643", "4006080197832650"]


def trees(features: Sequence[str] = ("amount", "seconds_since_previous")) -> bytes:
    """Return a model of two features, the first of which tells."""
    chance = np.random.default_rng(1)
    rows = chance.random((200, 2)).astype(np.float32) * 100
    data = xgboost.DMatrix(rows, rows[:, 0] > 50, feature_names=list(features))
    booster = xgboost.train({"objective": "binary:logistic"}, data, 3)
    return bytes(booster.save_raw("ubj"))


def payments(rows: int = 4) -> pl.DataFrame:
    """Return payments of two cards, a minute apart, on the second of March 2026."""
    return pl.DataFrame(
        {
            "tid": [f"t{row}" for row in range(rows)],
            "cc_num": [CARDS[row % 2] for row in range(rows)],
            "amount": [10.0 * (row + 1) for row in range(rows)],
            "event_time": [DAY_TWO_MS + 60_000 * row for row in range(rows)],
            "merchant": "Corner shop",
        }
    )


@pytest.fixture
def detector(tmp_path: Path) -> OpenDetector:
    """Return the active version of a directory."""
    saved(tmp_path / "models", trees())
    return fraudstream.open("card", data_dir=tmp_path, weekly_kept=9)


def test_importing_the_package_imports_nothing_else() -> None:
    """Neither Polars nor settings: a worker and a command begin with it, too."""
    code = "import sys, fraudstream; fraudstream.open; print({'polars', 'pydantic', 'xgboost'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "set()" == done.stdout.strip()


def test_a_version_is_loaded_by_its_number_and_the_active_one_without(tmp_path: Path) -> None:
    """The rest of the settings is as in the environment."""
    first, second = (saved(tmp_path / "models", trees()) for _ in range(2))

    assert first == fraudstream.open("card", first, data_dir=tmp_path).version
    assert second == fraudstream.open(data_dir=tmp_path).version
    assert ("amount", "seconds_since_previous") == fraudstream.open(data_dir=tmp_path).features
    assert "<detector card 2.0, rules " in repr(fraudstream.open(data_dir=tmp_path))


def test_a_version_in_a_bucket_is_loaded(bucket: str, tmp_path: Path) -> None:
    """From where the setting says."""
    place = f"s3://{bucket}/models"
    with training(Registry.at(place, "card")) as made:
        made.save(
            {"features": ["amount", "seconds_since_previous"], "threshold": 0.25}, {MODEL_FILE: trees()}
        )

    assert "1.0" == fraudstream.open("card", "1.0", models=place, data_dir=tmp_path).version
    assert boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] >= 3


def test_the_versions_and_their_states_are_a_frame(detector: OpenDetector) -> None:
    """With the reason of the last change."""
    (version,) = detector.versions().to_dicts()

    assert ("1.0", "ACTIVE", "for a test") == (version["version"], version["state"], version["why"])


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (("card", "3.0"), {}, "no model 3.0 of event type card"),
        (("card", "newest"), {}, "FRAUDSTREAM_MODEL must be written like active, 1.2, not newest"),
        (("crad",), {}, "there is no event type 'crad'"),
        (("card",), {"modles": "here"}, "there is no setting modles"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    arguments: tuple[str, ...], settings: dict[str, str], said: str, tmp_path: Path
) -> None:
    """As the commands say it."""
    saved(tmp_path / "models", trees())

    with pytest.raises(SetupError, match=said):
        fraudstream.open(*arguments, data_dir=tmp_path, **settings)


def test_a_row_that_is_no_payment_is_refused_and_the_others_are_decided(detector: OpenDetector) -> None:
    """In their places; the reason is that of a dead letter, and the card number is not in it."""
    frame = payments().with_columns(amount=pl.Series([10.0, None, 30.0, 1e12]))

    decided = detector.decide(frame)

    assert ["t0", None, "t2", None] == decided["transaction_id"].to_list()
    assert [None, "invalid-field", None, "amount-absurd"] == [
        why and why.partition(":")[0] for why in decided["refused"]
    ]
    assert not any(card in repr(decided.to_dicts()) for card in CARDS)


def test_a_frame_of_refused_rows_and_one_of_none_are_decided_too(detector: OpenDetector) -> None:
    """Nothing is decided, and every row is there."""
    none = payments().with_columns(amount=pl.lit(None, pl.Float64))

    assert [True] * 4 == detector.decide(none)["refused"].is_not_null().to_list()
    assert 0 == detector.decide(payments(0)).height
    assert (
        detector.decide(payments()).schema
        == detector.decide(none).schema
        == detector.decide(payments(0)).schema
    )


def test_a_frame_without_the_needed_columns_is_refused(detector: OpenDetector) -> None:
    """The sentence names the column, and what other columns would do."""
    with pytest.raises(SetupError, match=r"the frame has no column amount.*amuont.*or a history's columns"):
        detector.decide(payments().rename({"amount": "amuont"}))
    with pytest.raises(SetupError, match="a Polars or pandas frame is needed, not a list"):
        detector.decide([1])


def test_weeks_come_from_the_frame_a_directory_or_another_frame(
    detector: OpenDetector, tmp_path: Path
) -> None:
    """Of the frame: what was paid before midnight; given ones: as they are given, and missing ones are marked."""
    earlier = payments(2).with_columns(
        pl.col("event_time") - 2 * DAY_MS, tid=pl.Series(["e0", "e1"]), amount=pl.lit(7.5)
    )
    both = pl.concat([earlier, payments(2)])
    tokens = detector.decide(payments(2))["card"].to_list()
    given = pl.DataFrame(
        {"as_of": ["2026-03-02"], "cc_num": CARDS[:1], "payments": [3], "mean_amount": [12.5]}
    )
    kept = pl.DataFrame({"card": tokens, "payments": [5, 6], "mean_amount": [1.0, 2.0]})
    write_snapshot(tmp_path / "weekly", DAY_TWO_MS, kept)

    def weeks_of(frame: pl.DataFrame, **options: object) -> list[tuple[int, float, list[str]]]:
        decided = detector.decide(frame, **options)  # type: ignore[arg-type]
        rows = decided.tail(2).select("num_trans_last_1w", "avg_amt_last_1w", "degraded")
        return [(row[0], row[1], row[2]) for row in rows.iter_rows()]

    assert [(1, 7.5, []), (1, 7.5, [])] == weeks_of(both)
    assert [(3, 12.5, []), (0, 0.0, [])] == weeks_of(both, weekly=given)
    assert [(5, 1.0, []), (6, 2.0, [])] == weeks_of(both, weekly=tmp_path / "weekly")
    assert [(5, 1.0, []), (6, 2.0, [])] == weeks_of(both, weekly="store")
    assert [(5, 1.0, ["weekly-stale"])] * 1 == weeks_of(
        payments(2).with_columns(pl.col("event_time") + DAY_MS), weekly=kept_as_of(kept)
    )[:1]
    with pytest.raises(SetupError, match=r"no weekly aggregates of event type card in .*nowhere"):
        detector.decide(both, weekly=tmp_path / "nowhere")
    with pytest.raises(SetupError, match="the weekly aggregates lack as_of, mean_amount"):
        detector.decide(both, weekly=given.drop("as_of", "mean_amount"))
    with pytest.raises(SetupError, match="as_of has 'yesterday', which is no day"):
        detector.decide(both, weekly=given.with_columns(as_of=pl.lit("yesterday")))


def kept_as_of(kept: pl.DataFrame) -> pl.DataFrame:
    """Return weeks by token as of the second of March."""
    return kept.with_columns(as_of=pl.lit(DAY_TWO_MS).cast(pl.Datetime("ms")))


def test_archived_payments_are_decided_by_their_tokens(detector: OpenDetector) -> None:
    """As they were by the numbers; the last four digits are not archived as an input."""
    by_number = detector.decide(payments())
    archived = payments().drop("cc_num").with_columns(by_number["card"])

    by_token = detector.decide(archived.with_columns(pl.from_epoch("event_time", "ms")))

    assert by_number.drop("card_last4").equals(by_token.drop("card_last4"))
    broken = archived.with_columns(card=pl.Series(["x", *archived["card"][1:]]))
    assert "invalid-field" in str(detector.decide(broken)["refused"][0])


async def test_it_decides_while_an_event_loop_runs(detector: OpenDetector) -> None:
    """As it does in a notebook."""
    assert 4 == detector.decide(payments()).height
