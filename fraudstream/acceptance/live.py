"""The acceptance story on a running worker: three single payments, then ten on one card, 1-2 s apart.

The story and its expected result are in `offline.stories`; here it is sent in real time.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fraudstream import topics
from fraudstream.acceptance.awaited import AwaitedDecisions, awaited_decisions
from fraudstream.acceptance.cards import candidates, idle
from fraudstream.acceptance.stories import CARDS, EXPECTED, Story, tell
from fraudstream.adapters.kafka.publisher import Message, Outbox, Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.domain.errors import SetupError
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from fraudstream.traffic.session import publishing

STORY_ID = "acceptance-"
"""Prefix of the story's transaction ids."""


@dataclass(frozen=True, slots=True)
class Line:
    """One payment of the story and its result; `decision` is None if none came in time."""

    keyed: bool
    position: int
    sent_at_ms: int
    card_last4: str
    amount: float
    expected_fraud: bool
    decision: dict[str, Any] | None
    waited_ms: float

    @property
    def ok(self) -> bool:
        """Whether the decision is the expected one."""
        return self.decision is not None and bool(self.decision["fraud"]) == self.expected_fraud


@dataclass(frozen=True, slots=True)
class StoryResult:
    """The result of one run of the story."""

    keyed: bool
    lines: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        """Whether all thirteen payments were decided as expected."""
        return all(line.ok for line in self.lines)

    def facts(self) -> dict[str, Any]:
        """Return everything for a script."""
        lines = [{**asdict(line), "ok": line.ok} for line in self.lines]
        return {"keyed": self.keyed, "passed": self.passed, "payments": lines}


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story is sent with."""

    settings: Settings
    publisher: Publisher
    decisions: AwaitedDecisions
    timeout_s: float
    on_line: Callable[[Line], None]


async def tell_live(
    settings: Settings,
    *,
    keyings: Sequence[bool] = (False, True),
    cards_file: Path | None = None,
    seed: int = 1,
    timeout_s: float = 20.0,
    on_start: Callable[[str], None] = lambda origin: None,
    on_line: Callable[[Line], None] = lambda line: None,
) -> list[StoryResult]:
    """Send one story once per keying, all at the same time, each on four cards of its own.

    `on_start` is called with where the cards come from, `on_line` with every payment. Raises SetupError if there is no broker
    or no decision comes within `timeout_s`.
    """
    story = tell(
        np.random.default_rng(seed)
    )  # drawn before the cards, so that a seed always gives the same story
    needed = len(keyings) * CARDS
    cards = candidates(settings, cards_file, np.random.default_rng(seed), needed)
    topic = settings.topic(topics.DECISIONS.name)
    async with (
        publishing(settings, f"{settings.app_id}-acceptance") as publisher,
        following(Kafka.of(settings), topic, settings.partitions) as tail,
    ):
        numbers = await idle(cards.numbers, tail, settings, needed)
        on_start(cards.origin)
        async with awaited_decisions(tail) as decisions:
            stage = Stage(settings, publisher, decisions, timeout_s, on_line)
            return await _all_at_once(stage, story, numbers, keyings)


async def _all_at_once(
    stage: Stage, story: Story, numbers: Sequence[str], keyings: Sequence[bool]
) -> list[StoryResult]:
    tellings = [
        asyncio.create_task(_perform(stage, story, numbers[i * CARDS : (i + 1) * CARDS], keyed))
        for i, keyed in enumerate(keyings)
    ]
    try:
        return list(await asyncio.gather(*tellings))
    finally:
        for telling in tellings:
            telling.cancel()


async def _perform(stage: Stage, story: Story, numbers: Sequence[str], keyed: bool) -> StoryResult:
    """Send the payments in real time and report each decision before the next payment is due."""
    name = uuid.uuid4().hex[:8]
    lines: list[Line] = []
    due = time.monotonic()
    for position, (card, wait_s, cents) in enumerate(zip(story.card, story.wait_s, story.cents, strict=True)):
        due += float(wait_s)
        await asyncio.sleep(due - time.monotonic())
        payment = {
            "cc_num": int(numbers[card]),
            "amount": int(cents) / 100,
            "tid": f"{STORY_ID}{name}-{position + 1}",
        }
        line = await _pay(stage, payment, position, keyed)
        if line.decision is None and not lines:
            raise SetupError(
                f"no decision came within {stage.timeout_s:g} s; is a worker running on {stage.settings.broker}? "
                "start one with: fraudstream worker"
            )
        lines.append(line)
        stage.on_line(line)
    return StoryResult(keyed, tuple(lines))


async def _pay(stage: Stage, payment: dict[str, Any], position: int, keyed: bool) -> Line:
    """Send one payment and wait for its decision."""
    number, settings = str(payment["cc_num"]), stage.settings
    sent_at_ms = time.time_ns() // 1_000_000
    decided = stage.decisions.expect(payment["tid"])
    value = msgspec.json.encode({**payment, "trans_ts": sent_at_ms / 1000})
    outbox = Outbox()
    outbox.add(
        settings.topic(topics.TRANSACTIONS.name),
        partition_of(number, settings.partitions) if keyed else position % settings.partitions,
        Message(number.encode() if keyed else None, value),
    )
    started = time.monotonic()
    await stage.publisher.publish(outbox)
    try:
        decision = await asyncio.wait_for(decided, stage.timeout_s)
    except TimeoutError:
        decision = None
    waited_ms = (time.monotonic() - started) * 1000
    expected = bool(EXPECTED[position])
    return Line(
        keyed, position + 1, sent_at_ms, number[-4:], payment["amount"], expected, decision, waited_ms
    )
