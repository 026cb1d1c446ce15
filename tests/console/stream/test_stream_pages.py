"""The stream: topics, records by place and time, one beside its source, and a topic as it grows."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from fraudstream import topics
from fraudstream.adapters.kafka.browsing import browsing
from fraudstream.adapters.kafka.partition_logs import Record
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.console.app import Console
from fraudstream.console.stream.tail import Crowded, Tails
from fraudstream.dead_letters.reading import newest_letters
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from tests.console.visiting import Visitor, made, visitor
from tests.dead_letters.written import AT_MS, Bad, write

CARD = "4006080197832643"


def full(console: Console, topic: topics.Topic) -> str:
    """Return the name of a topic."""
    return console.settings.topic(topic.name)


def places(page: str) -> list[str]:
    """Return partition and offset of the records of a page."""
    return re.findall(r'<td class="place"[^>]*><a [^>]*>(\d+-\d+)<', page)


def test_topics_records_and_dead_letters(watched: Console) -> None:
    """One story, since each needs topics of its own: what is there, page by page, by time, and beside its source."""
    who = visitor(watched, "analyst")
    transactions, decisions = full(watched, topics.TRANSACTIONS), full(watched, topics.DECISIONS)
    listed = who.get("/stream/topics")
    assert f'href="/stream/topics/{transactions}"' in listed
    assert "payments to decide" in listed
    assert "124" in listed

    newest = who.get(f"/stream/topics/{transactions}?partition=3")
    older = who.get(f"/stream/topics/{transactions}?partition=3&before=71")
    newer = who.get(f"/stream/topics/{transactions}?partition=3&offset=71")
    assert [f"3-{offset}" for offset in range(120, 70, -1)] == places(newest) == places(newer)
    assert [f"3-{offset}" for offset in range(70, 20, -1)] == places(older)
    assert "look like gzip" in newest
    assert f"/stream/topics/{transactions}?partition=3&amp;before=71" in newest
    assert f"/stream/topics/{transactions}?partition=3&amp;offset=71" in older

    at = datetime.fromtimestamp(AT_MS / 1000 + 110, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    timed = who.get(f"/stream/topics/{transactions}?at={at}")
    assert "3-110" == places(timed)[-1]
    assert CARD not in newest + who.get(f"/stream/topics/{transactions}")
    assert CARD not in who.get(f"/stream/topics/{full(watched, topics.LABELS)}")

    beside = who.get(f"/stream/topics/{decisions}/2/0")
    assert "&lt;script&gt;" in beside
    assert "Its source" in beside
    assert "cc_num" in beside
    assert CARD not in beside

    who.get("/stream/topics/other", 404)
    who.get(f"/stream/topics/{decisions}/2/99", 404)
    assert "partitions 0 to" in who.get(f"/stream/topics/{decisions}?partition=99", 400)
    assert "whole number" in who.get(f"/stream/topics/{decisions}?partition=1&offset=x", 400)


def test_dead_letters_are_counted_and_sent_again_once(watched: Console) -> None:
    """By those who may; the second click sends nothing."""
    analyst, engineer = visitor(watched, "analyst"), visitor(watched, "engineer")
    page = analyst.get("/stream/dead-letters")
    assert 3 == page.count('<article class="letter"')
    assert "a field that is missing" in page.lower()
    assert CARD not in page
    assert "Send the chosen again" not in page
    assert 1 == analyst.get("/stream/dead-letters?reason=conflict").count("<article")
    analyst.post("/stream/dead-letters/resend", 403, all=1)

    first = engineer.post("/stream/dead-letters/resend", 200, all=1, reason="invalid-field").text
    again = engineer.post("/stream/dead-letters/resend", 200, id=letter_ids(watched)[0]).text
    assert "2 sent again, 0 had been sent before, 0 not sent" in first
    assert "0 sent again, 1 had been sent before, 0 not sent" in again
    assert "by engineer" in again
    assert "choose 1 to" in engineer.post("/stream/dead-letters/resend", 400).text.lower()


def letter_ids(console: Console) -> list[str]:
    """Return the ids of the dead letters that can be sent again."""
    letters = asyncio.run(newest_letters(console.settings))
    return [letter.id for letter in letters if not letter.why_not]


async def test_what_goes_wrong_before_anything_was_read_is_raised(kafka_settings: Settings) -> None:
    """And not a cancellation, which nobody would turn into a sentence."""
    with pytest.raises(SetupError, match="nothing was read"):
        async with browsing(Kafka.of(kafka_settings)):
            raise SetupError("nothing was read")


async def test_a_topic_is_followed_as_it_grows(kafka_settings: Settings) -> None:
    """Every record since the first event comes; it ends when whoever asked is logged out."""
    name, logged_in = kafka_settings.topic(topics.TRANSACTIONS.name), True

    async def shown(records: list[Record], left_out: int) -> str:
        return " ".join(f"{record.partition}-{record.offset}" for record in records) + f" {left_out}"

    async def may() -> bool:
        return logged_in

    tails = Tails(Kafka.of(kafka_settings))
    events = tails.events(name, kafka_settings.partitions, shown, may)
    assert b"event: ready\ndata: \n\n" == await anext(events)
    await write(kafka_settings, *(Bad("empty", partition=1) for _ in range(3)))
    seen = ""
    while "1-2" not in seen:
        seen += (await anext(events)).decode()
    assert ["1-0", "1-1", "1-2"] == re.findall(r"\d-\d", seen)
    logged_in = False
    assert "no longer logged in" in [each async for each in events][-1].decode()
    assert 0 == tails._now


async def test_only_so_many_follow_topics(kafka_settings: Settings) -> None:
    """Others are told so, as those are who ask again later."""
    tails = Tails(Kafka.of(kafka_settings))
    tails._now = 20

    async def never(*_: object) -> str:
        raise AssertionError

    with pytest.raises(Crowded):
        await anext(_events(tails, never))


def _events(tails: Tails, never: object) -> AsyncIterator[bytes]:
    return tails.events("t", 1, never, never)  # type: ignore[arg-type]


def test_without_kafka_the_pages_say_so(console: Console) -> None:
    """What is declared is shown all the same."""
    alone = made(str(console.engine.url), broker="127.0.0.1:1", data_dir=console.settings.data_dir)
    who: Visitor = visitor(alone, "auditor")

    assert "payments to decide" in who.get("/stream/topics", 503)
    assert "127.0.0.1:1" in who.get("/stream/dead-letters", 503)
