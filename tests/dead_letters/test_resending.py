"""Records of dead letters are sent again once, whoever asks how often and is killed when."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from fraudstream import topics
from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resends import Resends
from fraudstream.adapters.database.tables import RESENDS
from fraudstream.dead_letters.letters import Letter, chosen, counted
from fraudstream.dead_letters.reading import letters_named, newest_letters
from fraudstream.dead_letters.resending import Resender, Resent
from fraudstream.deciding.records import RESENT_HEADER
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.settings import Settings
from tests.dead_letters.written import AT_MS, Bad, write
from tests.end_to_end.harness import read_all_committed

CARD = "4006080197832643"


@pytest.fixture
def settings(kafka_settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with topics and a database of their own."""
    return kafka_settings.model_copy(update={"database": f"sqlite:///{tmp_path / 'f.db'}"})


@pytest.fixture
def resends(settings: Settings) -> Resends:
    """Return what the database knows of re-sends."""
    return Resends(opened(settings.database_url))


async def sent(settings: Settings) -> list[str]:
    """Return which records were sent again, by what they are recognised by."""
    found = await read_all_committed(settings, topics.TRANSACTIONS.name)
    return [value.decode() for record in found for name, value in record.headers if name == RESENT_HEADER]


def what(results: Sequence[Resent]) -> list[str]:
    """Say what became of each."""
    return ["refused" if each.refused else "before" if each.before else "sent" for each in results]


async def test_a_record_is_sent_again_as_it_was(settings: Settings, resends: Resends) -> None:
    """To its partition, with key, value, headers and timestamp; asked for again it is not."""
    await write(settings, Bad("invalid-field", headers={"producer": b"shop", "fraudstream-reply": b"1:9"}))
    letters = await newest_letters(settings)
    resender = Resender(settings, resends)
    first, second = await resender.resend(letters, "ada"), await resender.resend(letters, "ben")

    assert ["sent"] == what(first)
    assert ["before"] == what(second)
    assert first[0].offset == second[0].offset
    old, new = await read_all_committed(settings, topics.TRANSACTIONS.name)
    assert (old.partition, old.key, old.value, AT_MS) == (new.partition, new.key, new.value, new.timestamp)
    assert {"producer", RESENT_HEADER} == {name for name, _ in new.headers}
    assert ["ada"] == [entry.person for entry in entries(resends._engine, action="dead-letters.resend")]


async def test_letters_are_read_counted_and_chosen(settings: Settings) -> None:
    """The newest first, without card numbers; what is no dead letter says so."""
    await write(
        settings,
        Bad("invalid-field"),
        Bad("conflict", headers={"producer": b"till"}, partition=0),
        Bad("invalid-field", headers={}),
    )
    letters = await newest_letters(settings)

    assert ["invalid-field", "conflict", "invalid-field"] == [letter.said.reason for letter in letters]
    assert {
        ("invalid-field", "not named"): 1,
        ("conflict", "till"): 1,
        ("invalid-field", "shop"): 1,
    } == counted(letters)
    assert letters[1:2] == chosen(letters, (), ["till"])
    assert letters[2:] == chosen(letters, ["invalid-field"], ["shop"])
    assert letters[:1] == await letters_named(settings, [letters[0].id])
    assert CARD not in str(letters)
    with pytest.raises(SetupError, match="no such dead letter"):
        await letters_named(settings, ["0-99"])


async def test_what_was_decided_or_is_gone_is_not_sent(settings: Settings, resends: Resends) -> None:
    """Each with the reason why."""
    await write(settings, Bad("conflict"), Bad("undecodable"), Bad("unpublishable"))
    letters = await newest_letters(settings)
    gone = letters[0]
    gone = Letter(
        gone.partition, 99, gone.at_ms, type(gone.said)(**_fields(gone) | {"reason": "empty", "offset": 77})
    )
    results = await Resender(settings, resends).resend([*letters, gone], "ada")

    assert ["refused"] * 4 == what(results)
    assert "no longer in Kafka" in results[-1].refused
    assert [] == await sent(settings)


def _fields(letter: Letter) -> dict[str, object]:
    return {name: getattr(letter.said, name) for name in letter.said.__struct_fields__}


async def test_whoever_was_killed_before_noting_it_has_sent_it(settings: Settings, resends: Resends) -> None:
    """The record is looked for, and found by its header."""
    await write(settings, Bad("invalid-field"), Bad("not-json", value=b"x", partition=2))
    letters = await newest_letters(settings)
    resender = Resender(settings, resends)
    before = await resender.resend(letters, "ada")
    with resends._engine.begin() as connection:
        connection.execute(update(RESENDS).values(sent_at=None, sent_offset=None))
    after = await resender.resend(letters, "ben")

    assert ["before", "before"] == what(after)
    assert [each.offset for each in before] == [each.offset for each in after]
    assert 2 == len(await sent(settings))


async def test_whoever_was_killed_before_sending_it_has_not(settings: Settings, resends: Resends) -> None:
    """It was begun, and is sent by the next who asks."""
    await write(settings, Bad("invalid-field"))
    letters = await newest_letters(settings)
    said = letters[0].said
    resends.begin({f"{said.topic}-{said.partition}-{said.offset}@{AT_MS}": 1}, "ada")

    assert ["sent"] == what(await Resender(settings, resends).resend(letters, "ben"))
    assert 1 == len(await sent(settings))


async def test_people_who_ask_at_once_and_are_stopped_anywhere_send_each_once(
    settings: Settings, resends: Resends
) -> None:
    """Some are fenced off by others, some are stopped in the midst; whoever asks last finds everything sent once."""
    await write(settings, *(Bad("invalid-field", partition=number % 3) for number in range(6)))
    letters = await newest_letters(settings)
    chance = random.Random(7)

    async def ask(patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                await Resender(settings, resends).resend(letters, "ada")
        except (TimeoutError, BrokerUnavailable):
            return

    for _ in range(6):
        await asyncio.gather(*(ask(chance.uniform(0.02, 0.6)) for _ in range(2)))
    while True:
        try:
            results = await Resender(settings, resends).resend(letters, "ben")
            break
        except BrokerUnavailable:
            await asyncio.sleep(0.2)

    assert {"sent", "before"} >= set(what(results))
    found = await sent(settings)
    assert 6 == len(found) == len(set(found))
