"""Live labels that come late: none before it is known, none twice, none lost."""

import itertools
from pathlib import Path

import pytest

from fraudstream.domain.labels import Label, decode
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import EncodedBatch
from fraudstream.traffic.simulate import Simulation
from fraudstream.world.generate import generate
from fraudstream.world.world import World

NOON_MS = 1_780_000_000_000
DAY_A_SECOND = 86_400.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a simulated history."""
    generate(World(cards=3000, days=7, payments=20_000), tmp_path / "history")
    return Settings(_env_file=None, data_dir=tmp_path)


def simulated(settings: Settings, speed: float | None, seconds: int) -> tuple[Simulation, list[EncodedBatch]]:
    """Return a simulation and the batches of its first seconds."""
    simulation = Simulation.of(settings, 20.0, attacks=20.0, seed=1, keyed=True, label_speed=speed)
    return simulation, list(itertools.islice(simulation.batches(NOON_MS), seconds))


def known_in(batches: list[EncodedBatch]) -> list[tuple[float, Label]]:
    """Return the labels with the second at which each leaves."""
    assert all(not batch.labels for batch in batches)
    return [
        (float(batch.due_s[0]), decode(message.value or b""))
        for batch in batches
        if batch.due_s is not None and len(batch)
        for _, message in batch.known
    ]


def test_no_label_leaves_before_it_is_known_and_none_is_lost(settings: Settings) -> None:
    """A day passes in a second: after a minute of traffic nearly all labels of its first half are there."""
    simulation, batches = simulated(settings, DAY_A_SECOND, 60)
    known = known_in(batches)
    paid = sum(map(len, batches))
    due = [(label.known_at - NOON_MS) / 1000 for _, label in known]
    to_come = simulation.to_come

    assert to_come is not None
    assert all(at_s <= left_s < at_s + 2 for at_s, (left_s, _) in zip(due, known, strict=True))
    assert to_come["known_at"].min() > NOON_MS + 58_000  # type: ignore[operator]
    spoken = {label.transaction_id for _, label in known} | set(to_come["transaction_id"])
    assert paid == len(spoken)
    assert {"review", "chargeback", "import"} == {label.source for _, label in known}


def test_a_later_label_takes_back_what_was_said_before(settings: Settings) -> None:
    """A review that was wrong, or an undisputed payment with a late chargeback."""
    _, batches = simulated(settings, 10 * DAY_A_SECOND, 120)
    said: dict[str, list[bool | None]] = {}
    for _, label in known_in(batches):
        said.setdefault(label.transaction_id, []).append(label.fraud)

    assert any(len(set(labels)) > 1 for labels in said.values())


def test_late_labels_go_where_labels_go(settings: Settings) -> None:
    """To the partition of their transaction id, with it as the key."""
    _, batches = simulated(settings, 30 * DAY_A_SECOND, 10)

    for batch in batches:
        for partition, message in batch.known:
            assert message.key is not None
            assert partition_of(message.key.decode(), settings.partitions) == partition


def test_without_the_option_each_label_comes_with_its_payment(settings: Settings) -> None:
    """True, and known at once."""
    simulation, batches = simulated(settings, None, 5)

    assert simulation.to_come is None
    for batch in batches:
        assert len(batch) == len(batch.labels)
        assert not batch.known
