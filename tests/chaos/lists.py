"""Lists that change all the time while workers are killed: what was decided stays decided so."""

import asyncio
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files

from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.lists.topic import write, writing
from fraudstream.domain.lists.entries import SNOOZE, Change, Listed, Listing
from tests.chaos.stage import Stage

RULE = """
[[rules]]
name = "watched"
when = "probability > fraud_threshold AND in_list('watched', card)"
outcome = "block"
"""
"""Blocks what would be reviewed otherwise, so that alerts are the same whatever is listed."""
RATHER_OFTEN_S = 0.05, 0.6
NOW = datetime(2026, 11, 1, tzinfo=UTC)
LIST = Listing("card", "watch", "chaos", NOW)
ON = Listed("chaos", NOW)


async def changed(stage: Stage, rounds: int) -> None:
    """Put cards on a list, take them off, snooze a rule for them and make the list anew, and kill workers meanwhile.

    One of two is killed at once, or between publishing decisions and telling the changelog; the other one takes over.
    """
    stage.settings = stage.settings.model_copy(update={"event_type": event_type_that_asks(stage)})
    workers = stage.worker("a"), stage.worker("b")
    async with writing(stage.administrator) as publisher:
        changing = asyncio.create_task(_change(stage, publisher))
        for each in workers:
            each.start()
        await stage.shared(*workers)
        for number in range(rounds):
            doomed = workers[number % 2]
            if number % 4 < 2:
                doomed.trap.arm("outputs-without-changelog", stage.chance.randint(1, 40))
                await stage.trapped(doomed)
            else:
                await stage.pause_s(0, 1.5)
                stage.kill(doomed)
            await stage.progress()
            doomed.start()
            await stage.shared(*workers)
        changing.cancel()
        await asyncio.wait([changing])
    await stage.progress()


def event_type_that_asks(stage: Stage) -> str:
    """Write the event type `card` with one rule more; return where it is."""
    path = stage.settings.data_dir / "card.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(files("fraudstream.event_types").joinpath("card.toml").read_text() + RULE)
    return str(path)


async def _change(stage: Stage, publisher: Publisher) -> None:
    """Publish changes until cancelled."""
    changes = _changes(stage)
    while True:
        async for _ in write(publisher, stage.administrator, [next(changes)]):
            stage.facts["changes"] = stage.facts.get("changes", 0) + 1
        await stage.pause_s(*RATHER_OFTEN_S)


def _changes(stage: Stage) -> Iterator[Change]:
    """Yield changes, most of them of entries."""
    chance, key = stage.chance, stage.settings.card_token_key()
    yield Change("watched", None, LIST)
    while True:
        if chance.random() < 0.1:
            yield Change("watched", None, chance.choice((LIST, None)))
            continue
        card = str(chance.choice(stage.traffic.cards)).encode()
        token = hmac.digest(key, card, "sha256")[:16].hex()
        name = "watched" if chance.random() < 0.8 else f"{SNOOZE}watched"
        yield Change(name, token, chance.choice((ON, None)))
