"""A console with cases to review: an archive, alerts, one payment that was let through by chance."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from fraudstream.adapters.database.case_intake import take_payments
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.console.app import Console
from fraudstream.domain.review.case import Case
from fraudstream.domain.review.intake import Intake
from fraudstream.domain.times import DAY_MS, HOUR_MS
from tests import archive_rows

STOLEN, BLIND, SMALL = "a" * 32, "b" * 32, "c" * 32
HOSTILE = "Jeweller <script>document.title='owned'</script><img src=x onerror=alert(1)>"
MINUTE_MS = 60_000


class World:
    """Payments that are archived, and reviewed if their decisions say so."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.store = CaseStore(console.engine)
        self.now_ms = time.time_ns() // 1_000_000
        self.decisions: list[dict[str, Any]] = []

    def pay(self, card: str, before_ms: int, amount: float, merchant: str = "Bakery", **changed: Any) -> str:
        """Let a card pay so long ago; return the payment's id."""
        number = len(self.decisions)
        at_ms = self.now_ms - before_ms
        features = {
            "amount": amount,
            "num_trans_last_10m": changed.pop("recent", 1),
            "amt_ratio2": amount / 10,
        }
        made = archive_rows.decision(
            number,
            card=card,
            card_last4=str(1000 + int(card[:2], 16)),
            event_time=at_ms,
            decided_at=at_ms + 7,
            amount=amount,
            variables={"merchant": merchant, "zip_code": "10115"},
            features=features,
        )
        self.decisions.append(made | changed)
        return str(made["transaction_id"])

    def alert(
        self, card: str, before_ms: int, amount: float, merchant: str = "Bakery", **changed: Any
    ) -> str:
        """Let a card pay what is to be reviewed."""
        said = {
            "outcome": "review",
            "score": 870,
            "probability": 0.87,
            "fraud": True,
            "rules": ["likely-fraud"],
            "reasons": ["The amount is 90 times the card's usual amount", "9 payments in ten minutes"],
        }
        return self.pay(card, before_ms, amount, merchant, **said | changed)

    def let_through(self, card: str, before_ms: int, amount: float) -> str:
        """Let a card pay what a rule would have blocked and left alone by chance."""
        said = {"passed_rules": ["very-likely-fraud"], "propensity": 0.05, "score": 955, "probability": 0.955}
        return self.pay(card, before_ms, amount, "Airport", reasons=["Secret reason"], **said)

    def happen(self) -> None:
        """Archive everything, and open the cases."""
        encoded = [json.dumps(each).encode() for each in self.decisions]
        archive = Lake(LocalObjects(Path(self.console.settings.archive_place)))
        rows = archive_rows.archived(encoded, list(range(len(encoded))))
        asyncio.run(archive.write(Stream("decisions", 0), rows, {}))
        self.open_cases()

    def open_cases(self) -> None:
        """Open the cases of what is to be reviewed."""
        intake = Intake(self.console_kind, frozenset())
        found = [intake.incoming(json.dumps(each).encode()) for each in self.decisions]
        with self.store.transaction(self.now_ms) as cases:
            take_payments(cases.connection, [each for each in found if each], self.now_ms, DAY_MS)

    console_kind = "card"

    def case(self, card: str) -> Case:
        """Return the newest case of a card."""
        with self.store.reading() as cases:
            return cases.of_entity(self.console_kind, card)[0]

    def waiting(self) -> list[Case]:
        """Return the queue."""
        with self.store.reading() as cases:
            return cases.queue(View(ready=True))


def usual(console: Console) -> World:
    """Return a world with a stolen card that has a past, a case to review blind, and a small one."""
    world = World(console)
    for day in range(1, 29):
        world.pay(STOLEN, day * DAY_MS, 9.0 + day % 5)
    for other in range(6):
        card = f"{other:x}" * 32
        world.alert(f"d{card[1:]}", (20 + other) * HOUR_MS, 700.0, HOSTILE, outcome="block", score=960)
    world.pay(STOLEN, 8 * MINUTE_MS, 1.0, "Test shop", recent=1)
    world.pay(STOLEN, 6 * MINUTE_MS, 1.5, "Test shop", recent=2)
    world.alert(STOLEN, 5 * MINUTE_MS, 900.0, HOSTILE, recent=3)
    world.alert(STOLEN, 4 * MINUTE_MS, 450.0, "Electronics", recent=4, score=800)
    world.let_through(BLIND, 30 * MINUTE_MS, 120.0)
    world.alert(SMALL, 26 * HOUR_MS, 12.0)
    world.happen()
    return world
