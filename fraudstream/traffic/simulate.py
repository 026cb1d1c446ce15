"""Sends live traffic of the history's world, and labels: with each payment, or as late as in reality, so many times as fast."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.publisher import Message
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import EncodedBatch, Encoder
from fraudstream.traffic.session import send_until_told
from fraudstream.traffic.tally import Tally
from fraudstream.world.dressing import require_plain
from fraudstream.world.handbook import Handbook
from fraudstream.world.handbook_live import HandbookLive
from fraudstream.world.late_labels import Truth, late_labels
from fraudstream.world.live import Live, rate_of
from fraudstream.world.manifest import HANDBOOK, read_world
from fraudstream.world.scenarios import WORLDS, require_refunds, with_written
from fraudstream.world.world import World

LEAD_MS = 500
"""From now to the first payment: time to connect and to draw the first second."""


@dataclass(slots=True)
class Simulation:
    """What is to be simulated; `fraud` counts the fraudulent payments made so far."""

    world: World | Handbook
    rate: float
    attacks: float
    seed: int
    encoder: Encoder
    event_type: EventType
    label_speed: float | None = None
    """Labels come late, so many times as fast as in reality; None: with their payments."""
    fraud: int = 0
    to_come: pl.DataFrame | None = None
    """Labels that are not known yet; None before the first payment, and if labels come with their payments."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        rate: float,
        *,
        attacks: float,
        seed: int,
        keyed: bool,
        world: str | None = None,
        scenarios: Sequence[str] = (),
        label_speed: float | None = None,
    ) -> "Simulation":
        """Return the simulation of the history's world; raises SetupError if there is none.

        Its scenarios are the history's unless `world` names others; `scenarios` (NAME or NAME=SHARE) come on top.
        """
        event_type = event_type_named(settings.event_type)
        found = read_world(settings.history_dir)
        if isinstance(found, Handbook):
            _require_handbook(world, scenarios, attacks)
            require_plain(event_type, HANDBOOK)
        else:
            found = _with(found, world, scenarios)
            require_refunds(found.scenarios, event_type)
        encoder = Encoder(event_type, settings.partitions, keyed=keyed)
        return cls(found, rate, attacks, seed, encoder, event_type, label_speed)

    @property
    def crowded(self) -> str:
        """Say that the world has too few cards for this rate, or nothing."""
        most = rate_of(self.world.cards)
        if self.rate <= most:
            return ""
        return (
            f"{self.world.cards:,} cards are enough for {most:,.0f} payments a second; at {self.rate:,.0f} a second honest cards pay "
            "so often that they look like fraud (more cards: fraudstream generate --cards)"
        )

    def batches(self, start_ms: int) -> Iterator[EncodedBatch]:
        """Yield the payments of one second after the other, each due when it happens."""
        for payments in self._live(start_ms):
            self.fraud += int(payments["is_fraud"].sum())
            due_s = (payments["event_time"].to_numpy() - start_ms) / 1000.0
            labelled = self.event_type.id is not None
            batch = self.encoder.encode(payments, due_s, labelled=labelled and self.label_speed is None)
            if labelled and self.label_speed is not None and len(payments):
                known = self._known(payments, self.label_speed)
                batch = EncodedBatch(due_s, batch.messages, batch.partitions, [], known)
            yield batch

    def _known(self, payments: pl.DataFrame, speed: float) -> list[tuple[int, Message]]:
        """Return the labels that have become known when these payments happen; keep those of the payments for later."""
        first_ms, first_tid = int(payments["event_time"][0]), int(payments["tid"][0])
        rng = np.random.default_rng([self.world.seed, self.seed, first_tid])
        waiting = [late_labels(Truth.of(payments), rng, speed)]
        if self.to_come is not None:
            waiting.insert(0, self.to_come)
        labels = pl.concat(waiting)
        self.to_come = labels.filter(pl.col("known_at") > first_ms)
        return self.encoder.labels(labels.filter(pl.col("known_at") <= first_ms).sort("known_at"))

    def _live(self, start_ms: int) -> Iterable[pl.DataFrame]:
        if isinstance(self.world, Handbook):
            return HandbookLive(self.world, self.rate, start_ms, self.seed)
        return Live(self.world, self.rate, start_ms, self.seed, self.attacks, self.event_type)


def _with(found: World, world: str | None, scenarios: Sequence[str]) -> World:
    """Return the history's world with the scenarios of another and some more; raises SetupError if it cannot have them."""
    if world == HANDBOOK:
        raise SetupError(
            "the history is of another world; make one of the Handbook's with: fraudstream generate --force --world handbook"
        )
    return replace(found, scenarios=with_written(WORLDS[world] if world else found.scenarios, scenarios))


def _require_handbook(world: str | None, scenarios: Sequence[str], attacks: float) -> None:
    """Raise SetupError for what the Handbook's world does not have."""
    if world not in (None, HANDBOOK):
        raise SetupError(
            "the history is of the Handbook's world; make another one with: fraudstream generate --force"
        )
    if scenarios or attacks != 1.0:
        raise SetupError("the Handbook's world has frauds of its own: leave out --scenario and --attacks")


async def simulate(settings: Settings, simulation: Simulation, tally: Tally, for_s: int | None) -> None:
    """Send live traffic for `for_s` seconds, or until a signal comes."""
    start_ms = time.time_ns() // 1_000_000 + LEAD_MS
    batches = islice(simulation.batches(start_ms), for_s)
    total = None if for_s is None else round(simulation.rate * for_s)
    await send_until_told(settings, batches, tally, what="simulating", total=total, start_ms=start_ms)
