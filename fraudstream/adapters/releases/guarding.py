"""Watches a canary's decisions beside the champion's, as they are published, until it hits a guardrail or ends."""

import asyncio
import json
import time
from typing import NamedTuple

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, following
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.releases.guardrails import Limits, Side, tripped
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import Assigned, Role
from fraudstream.settings import Settings

JUDGE_EVERY_S = 1.0
LOOK_EVERY_S = 5.0
"""How often the log is read: the canary may be stopped, grow or win meanwhile."""


class Judged(NamedTuple):
    """How a watch ended."""

    canary: Assigned
    champion: Side
    decided: Side
    """By the canary."""
    why: list[str]
    """The guardrails that it hit; none if it ended otherwise, or time was up."""


async def guarded(settings: Settings, store: Releases, limits: Limits, for_s: float | None) -> Judged:
    """Watch the canary until it hits a guardrail, ends, or time is up; a larger or smaller share begins anew."""
    await ensure_topics(settings)
    topic, until = (
        settings.topic(topics.DECISIONS.name),
        time.monotonic() + (float("inf") if for_s is None else for_s),
    )
    async with following(Kafka.of(settings), topic, settings.partitions) as tail:
        while True:
            roles = (await asyncio.to_thread(store.log)).roles()
            champion, canary = roles[Role.CHAMPION], roles[Role.CANARY]
            judged = Judged(canary, Side(), Side(), [])
            names = [_name(store, champion), _name(store, canary)]
            looked = time.monotonic()
            while canary.release is not None and time.monotonic() < until:
                records = await tail.fetch(round(JUDGE_EVERY_S * 1000))
                _count(records, names, judged)
                judged = judged._replace(why=list(tripped(judged.champion, judged.decided, limits)))
                if judged.why:
                    return judged
                if time.monotonic() - looked > LOOK_EVERY_S:
                    looked = time.monotonic()
                    if (await asyncio.to_thread(store.log)).roles() != roles:
                        break
            else:
                return judged


def _count(records: list[Record], names: list[str | None], judged: Judged) -> None:
    champion, canary = names
    for record in records:
        decision = json.loads(record.value or b"null")
        if not decision:
            continue
        if decision.get("canary") and decision.get("release") == canary:
            judged.decided.add(decision)
        elif decision.get("release") == champion:
            judged.champion.add(decision)


def _name(store: Releases, assigned: Assigned) -> str | None:
    return None if assigned.release is None else name_of(store.event_type, assigned.release)
