"""From 4 partitions to more, with what every card paid in the ten minutes before: `fraudstream topics grow`."""

import asyncio
import json
import random
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from fraudstream.state.verify import compare_all
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, produce, settled
from tests.end_to_end.test_damaged_state import group_empty
from tests.end_to_end.test_worker import CARDS, encoded, windows

Place = Callable[[dict[str, Any], int, int], int]
"""Takes a payment, its number and how many partitions there are; returns where its producer puts it."""


def keyed(payment: dict[str, Any], _number: int, partitions: int) -> int:
    """Place as Kafka's Java client and aiokafka do."""
    return partition_of(str(payment["cc_num"]), partitions)


def unkeyed(_payment: dict[str, Any], number: int, partitions: int) -> int:
    """Place in turn."""
    return number % partitions


def crc_keyed(payment: dict[str, Any], _number: int, partitions: int) -> int:
    """Place as librdkafka does by default."""
    return zlib.crc32(str(payment["cc_num"]).encode()) % partitions


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


def payments(count: int, seed: int) -> list[dict[str, Any]]:
    """Return payments of many cards over eight minutes, so that all are in the window of the last; those are one of each card."""
    chance = random.Random(seed)
    start = time.time() - 480
    return [
        {
            "tid": f"g{seed}-{number}",
            "cc_num": CARDS[count - number - 1] if count - number <= len(CARDS) else chance.choice(CARDS),
            "amount": chance.randrange(1, 50_000) / 100,
            "trans_ts": round(start + number * 480 / count, 3),
        }
        for number in range(count)
    ]


async def send(settings: Settings, sent: list[dict[str, Any]], place: Place, first: int = 0) -> None:
    """Send payments as a producer that knows of the settings' partitions."""
    by_partition: dict[int, list[dict[str, Any]]] = {}
    for number, payment in enumerate(sent, first):
        by_partition.setdefault(place(payment, number, settings.partitions), []).append(payment)
    for partition, own in by_partition.items():
        await produce(settings, [encoded(payment) for payment in own], partition=partition)


def undivided(sent: list[dict[str, Any]]) -> dict[str, tuple[int, float]]:
    """Return (count, mean) of every payment's ten minutes, whatever partitions there are: the oracle."""
    expected = {}
    for payment in sent:
        window = [
            round(other["amount"] * 100)
            for other in sent[: sent.index(payment) + 1]
            if other["cc_num"] == payment["cc_num"]
            and payment["trans_ts"] - 600 <= other["trans_ts"] <= payment["trans_ts"]
        ]
        expected[payment["tid"]] = (len(window), sum(window) / (len(window) * 100))
    return expected


async def decide(settings: Settings) -> None:
    """Let a worker decide all that is there, and stop it."""
    with Worker(settings):
        await settled(settings)
    await group_empty(settings)


async def grown(settings: Settings, partitions: int) -> dict[str, Any]:
    """Grow with the command; return what it says."""
    done = await asyncio.to_thread(
        fraudstream, settings, "topics", "grow", str(partitions), "--yes", "--json"
    )
    assert 0 == done.returncode, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("place", [keyed, crc_keyed, unkeyed])
@pytest.mark.parametrize("partitions", [6, 12])
async def test_windows_are_those_of_the_undivided_history(
    settings: Settings, place: Place, partitions: int
) -> None:
    """Some payments were decided before, some wait, the others come after; unkeyed ones meet in no certain order, but the
    last of every card comes after all others."""
    sent = payments(900, seed=partitions)
    wider = settings.model_copy(update={"partitions": partitions})
    await send(settings, sent[:400], place)
    await decide(settings)
    await send(settings, sent[400:600], place, 400)

    said = await grown(settings, partitions)
    with Worker(wider):
        await send(wider, sent[600:-60], place, 600)
        await settled(wider)
        await send(wider, sent[-60:], place, 840)
        decisions = await decisions_of(wider, {payment["tid"] for payment in sent})
        await settled(wider)

    judged = sent[-60:] if place is unkeyed else sent
    expected, found = undivided(sent), windows(decisions)
    assert {each["tid"]: expected[each["tid"]] for each in judged} == {
        each["tid"]: found[each["tid"]] for each in judged
    }
    assert {"before": 4, "after": partitions, "entries": 600, "undecided": 200, "unknown": 0} == {
        name: said[name] for name in said if name != "topics"
    }
    await group_empty(wider)
    assert all(each.clean for each in await compare_all(wider))
