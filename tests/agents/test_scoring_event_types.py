"""The scoring loop with event types of one's own: any entity, none, numbers in rules and models, undeclared fields."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fraudstream.domain.anomaly import Anomaly
from fraudstream.domain.archived import archived, unarchived
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.variable_inputs import NONE as NO_INPUTS
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.tokens import partition_of
from tests.agents.memory_worker import NOON_S, PARTITIONS, MemoryWorker, until

RULES = """
[[rules]]
name = "many-tries"
when = "tries >= 3 AND NOT known"
outcome = "review"

[[rules]]
name = "far-away"
when = "km > 1000.5"
outcome = "block"
"""

VARIABLES = """
[variables]
shop = "string"
tries = "integer"
km = "float"
known = "boolean"
"""

AMOUNT = '[amount]\nfield = "value"\ncurrency = "EUR"\n'


def declared(head: str, tail: str = RULES) -> EventType:
    """Return an event type with these variables."""
    return Declaration(
        f'name = "own"\n{head}\n[time]\nfields = ["at"]\n{AMOUNT}{VARIABLES}{tail}', "own.toml"
    ).read()


ACCOUNTS = declared('[entity]\nfield = "account"\nkind = "text"\n')
WITHOUT = declared('id = "number"\nfeatures = ["amount", "tries", "km", "known"]\n')

ACCOUNT = next(name for number in range(40) if partition_of(name := f"acc-{number}", PARTITIONS) == 0)
ELSEWHERE = next(name for number in range(40) if partition_of(name := f"acc-{number}", PARTITIONS) == 1)


class TriesModel:
    """Calls an event fraud from five tries on; its input is remembered."""

    version = "tries-1"
    features = ("amount", "tries", "km", "known")
    threshold = 0.25
    anomaly: Anomaly | None = None
    inputs = NO_INPUTS
    scale: InsightScale | None = None

    def __init__(self) -> None:
        self.rows: npt.NDArray[np.float32] = np.zeros((0, 4), np.float32)

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return 0.9 from five tries on, else 0.01."""
        self.rows = np.vstack([self.rows, rows])
        return np.where(rows[:, 1] >= 5, 0.9, 0.01).astype(np.float32)

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Attribute the score to the tries, and less to the distance."""
        return np.tile(np.array([0, 2, 1, 0, 0], np.float32), (len(rows), 1))


def event(**fields: Any) -> dict[str, Any]:
    """Return an event at noon."""
    return {"value": 1.5, "at": NOON_S, "tries": 1, "km": 0.5, "known": True} | fields


async def test_events_of_an_opaque_entity_are_counted_together_and_repartitioned(tmp_path: Path) -> None:
    """Its token is published, and no last digits; another account's events go on to its partition."""
    async with MemoryWorker(tmp_path, event_type=ACCOUNTS) as worker:
        await worker.receive([event(account=name) for name in (ACCOUNT, ELSEWHERE, ACCOUNT)])
        await worker.settled()
        decisions = worker.published("decisions")

    assert [1, 2] == [each["features"]["num_trans_last_10m"] for each in decisions]
    assert 1 == len({each["card"] for each in decisions})
    assert [None, None] == [each["card_last4"] for each in decisions]
    assert [event(account=ELSEWHERE)] == worker.published("transactions-by-card", 1)


async def test_rules_compare_numbers_and_booleans(tmp_path: Path) -> None:
    """Three tries are not fewer than ten, as they would be as text."""
    async with MemoryWorker(tmp_path, event_type=ACCOUNTS) as worker:
        tries = [event(account=ACCOUNT, at=NOON_S - 3000, tries=number, known=False) for number in (2, 10)]
        await worker.receive([*tries, event(account=ACCOUNT, at=NOON_S - 1500, km=1000.6)])
        await worker.settled()
        decisions = worker.published("decisions")

    assert [("approve", []), ("review", ["many-tries"]), ("block", ["far-away"])] == [
        (each["outcome"], each["rules"]) for each in decisions
    ]
    assert {"shop": None, "tries": 10, "km": 0.5, "known": False} == decisions[1]["variables"]


async def test_undeclared_fields_are_published_among_the_variables(tmp_path: Path) -> None:
    """And archived as they are, in a column of their own."""
    async with MemoryWorker(tmp_path, event_type=ACCOUNTS) as worker:
        await worker.receive([event(account=ACCOUNT, device={"os": "ios"}, mcc=5411), event(account=ACCOUNT)])
        await worker.settled()
        values = [message.value for message in worker.delivery.topics["decisions", 0]]
        first, second = worker.published("decisions")

    assert {"device.os": "ios", "mcc": 5411} == {
        name: value for name, value in first["variables"].items() if name not in ACCOUNTS.columns
    }
    assert set(ACCOUNTS.columns) == set(second["variables"])
    kept = archived(values, [0, 1], ACCOUNTS.columns)
    assert [1, 1] == kept["tries"].to_list()
    assert '{"device.os":"ios","mcc":5411}' == kept["unknown_fields"][0]
    assert first["variables"] == {"shop": None} | unarchived(kept.row(0, named=True))["variables"]


async def test_undeclared_fields_are_counted_once_by_name(tmp_path: Path) -> None:
    """Also of events that are repartitioned; a name may hold a card number, and is not shown then."""
    async with MemoryWorker(tmp_path, event_type=ACCOUNTS) as worker:
        await worker.receive(
            [
                event(account=ACCOUNT, device={"os": "ios", "mac": None}, mcc=5411),
                event(account=ELSEWHERE, mcc=5411),
                event(account=ACCOUNT, **{"4000 0049 9801 2643": 1, "a b": 2}),
                event(account=ACCOUNT),
            ]
        )
        await worker.settled()
        await worker.receive(worker.published("transactions-by-card", 1), 1, "transactions-by-card")
        await worker.settled()
        await until(lambda: 2 == len(worker.reports))

    first, again = worker.reports
    assert {"device.os": 1, "device.mac": 1, "mcc": 2, "": 2} == first.undeclared
    assert {} == again.undeclared


async def test_events_without_an_entity_are_decided_alone_where_they_are(tmp_path: Path) -> None:
    """No window, no week, nothing in the changelog; numbers are what the model takes, a missing one is not a number."""
    model = TriesModel()
    async with MemoryWorker(tmp_path, event_type=WITHOUT, model=model) as worker:
        await worker.receive(
            [event(number="a"), event(number="b", tries=5, known=False), event(number="c", km=None)], 1
        )
        await worker.receive([event()])
        await worker.settled()
        decisions = [*worker.published("decisions", 1), *worker.published("decisions")]
        changelog = [topic for topic, _ in worker.delivery.topics if "changelog" in topic]

    assert ["a", "b", "c", "transactions-0-0"] == [each["transaction_id"] for each in decisions]
    assert ["approve", "review", "approve", "approve"] == [each["outcome"] for each in decisions]
    assert {"amount": 1.5, "tries": 5, "km": 0.5, "known": 0} == decisions[1]["features"]
    assert ["tries is 5", "km is 0.5"] == decisions[1]["reasons"]
    assert [(None, None, [])] * 4 == [
        (each["card"], each["weekly_as_of"], each["degraded"]) for each in decisions
    ]
    assert [] == changelog
    assert [False, False, True, False] == np.isnan(model.rows[:, 2]).tolist()
    assert (1, 3) == (worker.to_commit(0), worker.to_commit(1))
