"""The scores of the topic, while somebody looks."""

import asyncio
import time

from fraudstream.console.results.scores import LiveScores
from fraudstream.settings import Settings
from tests.archive_rows import encoded
from tests.console.intake.stage import send
from tests.shared import PATIENCE_S


async def test_scores_are_those_of_the_topic_s_last_five_minutes(kafka_settings: Settings) -> None:
    """What was decided before somebody looked, and what comes while they do; not what is older."""
    now_ms = time.time_ns() // 1_000_000
    decided = [
        (1, now_ms - 3_600_000, 999, True),
        (2, now_ms - 60_000, 800, True),
        (3, now_ms - 60_000, 20, False),
    ]
    await send(
        kafka_settings,
        "decisions",
        [
            (f"{number}", encoded(number, decided_at=at, score=score, fraud=fraud))
            for number, at, score, fraud in decided
        ],
    )
    scores = LiveScores(kafka_settings)
    try:
        before = await scores.look(PATIENCE_S)
        assert before.series is not None, before.why_not
        assert (2, 1) == (
            sum(step.payments for step in before.series.steps),
            sum(step.fraud for step in before.series.steps),
        )
        later = encoded(4, decided_at=time.time_ns() // 1_000_000, score=700, fraud=True)
        await send(kafka_settings, "decisions", [("4", later)])
        deadline = time.monotonic() + PATIENCE_S
        while (
            (now := (await scores.look(PATIENCE_S)).series) is None
            or now.last is None
            or now.last.score != 700
        ):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    finally:
        await scores.stop()

    assert 3 == sum(step.payments for step in now.steps)


async def test_a_record_that_is_no_decision_is_said(kafka_settings: Settings) -> None:
    """The page has the newest of the archive then, and why."""
    await send(kafka_settings, "decisions", [("1", b"[]")])
    scores = LiveScores(kafka_settings)
    try:
        seen = await scores.look(PATIENCE_S)
    finally:
        await scores.stop()

    assert (None, "the topic of decisions cannot be read; the console's log says why") == (
        seen.series,
        seen.why_not,
    )
