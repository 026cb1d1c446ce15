"""Five minutes of scores in steps of ten seconds."""

import asyncio
from pathlib import Path

from fraudstream.analytics.series import Scored, newest_archived, series_of
from tests.analytics.history import question, write
from tests.archive_rows import MONDAY_MS


def test_frauds_are_counted_every_ten_seconds_and_scores_averaged() -> None:
    """Thirty steps; what is older is left out, and the newest decision is the last whatever order they come in."""
    now_ms = MONDAY_MS + 299_000
    decisions = [
        Scored(MONDAY_MS + 298_000, 900, True),
        Scored(MONDAY_MS, 10, False),
        Scored(MONDAY_MS + 9_999, 700, True),
        Scored(MONDAY_MS + 1, 30, False),
        Scored(MONDAY_MS - 1, 999, True),
    ]
    found = series_of(decisions, now_ms)

    assert 30 == len(found.steps)
    assert (3, 1, 700.0, 20.0) == (
        found.steps[0].payments,
        found.steps[0].fraud,
        found.steps[0].mean_fraud_score,
        found.steps[0].mean_other_score,
    )
    assert (0, None, None) == (
        found.steps[1].fraud,
        found.steps[1].mean_fraud_score,
        found.steps[1].mean_other_score,
    )
    assert Scored(MONDAY_MS + 298_000, 900, True) == found.last


def test_without_the_topic_the_series_ends_with_the_newest_archived_decision(tmp_path: Path) -> None:
    """It was decided seven milliseconds after the payment."""
    archive = write(tmp_path, [{"score": 20}, {"score": 800, "fraud": True}])
    series, newest_ms = asyncio.run(archive.ask(question(), newest_archived)) or (None, 0)

    assert series is not None
    assert MONDAY_MS + 2007 == newest_ms
    assert (2, 1) == (series.steps[-1].payments, series.steps[-1].fraud)
    assert series.last is not None
    assert 800 == series.last.score
