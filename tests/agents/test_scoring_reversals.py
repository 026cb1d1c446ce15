"""The scoring loop with reversals: what was taken back counts no more, what was decided stays, a replay is answered alike."""

from pathlib import Path
from typing import Any

import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.tokens import partition_of
from tests.agents.memory_worker import NOON_S, PARTITIONS, MemoryWorker

TEXT = """
name = "own"
id = "id"
features = ["amount"]
[entity]
field = "account"
kind = "text"
[time]
fields = ["at"]
[amount]
field = "value"
currency = "EUR"
[variables]
original = "string"
kind = "string"
[velocity]
spent = { function = "sum", of = "amount", window = "1h" }
[reversal]
of = "original"
%s
[[rules]]
name = "unknown-original"
when = "reversal_known = 0"
outcome = "review"
"""
MARKED = 'variable = "kind"\nvalues = ["VOID", "REVERSAL"]'
HERE = next(name for name in map(str, range(40)) if partition_of(name, PARTITIONS) == 0)


def declared(how: str = "") -> EventType:
    """Return an event type with reversals."""
    return Declaration(TEXT % how, "own.toml").read()


def paid(tid: str, after_s: int, value: float = 1.0, **fields: Any) -> dict[str, Any]:
    """Return an event so many seconds after noon."""
    return {"id": tid, "account": HERE, "value": value, "at": NOON_S + after_s} | fields


def told(decision: dict[str, Any]) -> tuple[str, float, int, float | None]:
    """Return what a decision says of amount, windows and reversal."""
    features = decision["features"]
    return (decision["transaction_id"], decision["amount"], features["spent"], features["reversal_known"])


STREAM = [
    paid("a", 0, 10.0),
    paid("b", 1, 20.0),
    paid("r", 2, 10.0, original="a"),
    paid("c", 3, 5.0),
    paid("u", 4, 5.0, original="never"),
    paid("d", 5, 1.0),
    paid("s", 6, -20.0, original="b"),
    paid("e", 7, 2.0),
]
TOLD = [
    ("a", 10.0, 10.0, None),
    ("b", 20.0, 30.0, None),
    ("r", -10.0, 30.0, 1),
    ("c", 5.0, 25.0, None),
    ("u", -5.0, 25.0, 0),
    ("d", 1.0, 26.0, None),
    ("s", -20.0, 26.0, 1),
    ("e", 2.0, 8.0, None),
]


@pytest.mark.parametrize("rows", [1, 3, 8])
async def test_what_was_taken_back_is_not_in_windows_from_then_on(tmp_path: Path, rows: int) -> None:
    """A reversal is a refund, whatever sign its amount has; one of an unknown event is told from others by a rule."""
    async with MemoryWorker(tmp_path, event_type=declared()) as worker:
        for first in range(0, len(STREAM), rows):
            await worker.receive(STREAM[first : first + rows])
        await worker.settled()
        decisions = worker.published("decisions")

    assert TOLD == list(map(told, decisions))
    assert ["u"] == [each["transaction_id"] for each in decisions if each["rules"]]


async def test_a_replay_is_answered_as_the_first_time(tmp_path: Path) -> None:
    """Those before the reversal still have what it took back."""
    async with MemoryWorker(tmp_path, event_type=declared()) as worker:
        await worker.receive(STREAM)
        await worker.settled()
        await worker.receive(STREAM)
        await worker.settled()
        decisions = worker.published("decisions")

    assert TOLD + TOLD == list(map(told, decisions))


async def test_a_variable_may_say_which_events_are_reversals(tmp_path: Path) -> None:
    """Others may name an event, too, an instalment for example; a reversal that names none is one of an unknown event."""
    async with MemoryWorker(tmp_path, event_type=declared(MARKED)) as worker:
        await worker.receive(
            [
                paid("a", 0, 10.0, kind="SALE"),
                paid("b", 1, 20.0, kind="SALE", original="a"),
                paid("r", 2, 10.0, kind="VOID", original="a"),
                paid("u", 3, 1.0, kind="REVERSAL"),
                paid("c", 4, 1.0),
            ]
        )
        await worker.settled()
        decisions = worker.published("decisions")

    assert [
        ("a", 10.0, 10.0, None),
        ("b", 20.0, 30.0, None),
        ("r", -10.0, 30.0, 1),
        ("u", -1.0, 20.0, 0),
        ("c", 1.0, 21.0, None),
    ] == list(map(told, decisions))


def test_only_event_types_with_reversals_keep_what_is_taken_back() -> None:
    """Eight bytes an event; reversals are refunds, so these have to be decided."""
    without = TEXT.replace('[reversal]\nof = "original"\n%s', "").replace("reversal_known = 0", "amount > 9")

    assert 40 == declared().windows.layout.size
    assert 32 == Declaration(without, "own.toml").read().windows.layout.size
    with pytest.raises(SetupError, match='reversals are refunds: write refunds = "decide"'):
        Declaration(
            (TEXT % "").replace('currency = "EUR"', 'currency = "EUR"\nrefunds = "refuse"'), "own.toml"
        ).read()
