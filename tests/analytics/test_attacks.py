"""Attacks, counted by SQL and by going through the frauds of each card."""

import asyncio
import tempfile
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.analytics.attacks import alerts_by_day, largest, positions
from fraudstream.domain.labels import Label
from tests.analytics.history import HOUR_MS, question, write
from tests.archive_rows import DAY_MS, MONDAY_MS

PAYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "card": st.sampled_from(["a" * 32, "b" * 32, None]),
            "event_time": st.integers(0, 80).map(lambda hours: MONDAY_MS + hours * HOUR_MS),
            "outcome": st.sampled_from(["approve", "review", "block"]),
            "amount": st.integers(1, 500).map(float),
            "fraud": st.booleans(),
        }
    ),
    max_size=25,
)


def attack(card: str, *payments: tuple[int, str, float]) -> list[dict[str, Any]]:
    """Return the frauds of a card: minutes after Monday's midnight, outcome, amount."""
    return [
        {"card": card, "event_time": MONDAY_MS + minute * 60_000, "outcome": outcome, "amount": amount}
        for minute, outcome, amount in payments
    ]


def fraud(count: int) -> list[Label]:
    """Label the first payments as fraud."""
    return [Label(f"p{number}", True, MONDAY_MS + 3 * DAY_MS, "chargeback") for number in range(count)]


def test_money_is_lost_before_the_first_alert_of_an_attack_and_saved_after_it(tmp_path: Path) -> None:
    """One card is caught at the third payment, the other never; two days later the first is attacked again and caught at once."""
    payments = [
        *attack(
            "a" * 32, (1, "approve", 10.0), (2, "approve", 20.0), (3, "review", 400.0), (4, "approve", 5.0)
        ),
        *attack("b" * 32, (1, "approve", 70.0)),
        *attack("a" * 32, (2 * 1440 + 9, "block", 30.0)),
    ]
    archive = write(tmp_path, payments, fraud(6))
    found = asyncio.run(archive.ask(question(), positions)) or []
    worst = asyncio.run(archive.ask(question(), largest)) or []

    assert {"1": 1, "3": 1, "never": 1} == {
        each["first_alert"]: each["attacks"] for each in found if each["attacks"]
    }
    assert [(0.0, 30.0, 0.0), (30.0, 405.0, 5.0), (70.0, 0.0, 0.0)] == [
        (each["before_amount"], each["after_amount"], each["missed_after_amount"])
        for each in found
        if each["attacks"]
    ]
    assert [("b" * 32, 70.0, None), ("a" * 32, 30.0, 3), ("a" * 32, 0.0, 1)] == [
        (each["card"], each["before_amount"], each["first_alert"]) for each in worst
    ]
    assert MONDAY_MS + 3 * 60_000 == worst[1]["first_alert_at"]


def test_alerts_on_cards_that_are_caught_cost_reviews(tmp_path: Path) -> None:
    """Three alerts on one card within the hour, two of them after the first was right; ten alerts on others, and eight can be reviewed."""
    others = [{"card": f"{number:032x}", "outcome": "review"} for number in range(10)]
    same = attack("f" * 32, (1, "review", 1.0), (2, "block", 1.0), (60, "review", 1.0))
    archive = write(tmp_path, [*same, *others], fraud(3))

    assert [
        {
            "day": "2020-02-03",
            "alerts": 13,
            "on_caught_cards": 2,
            "over_capacity": 5,
            "new_over_capacity": 3,
        }
    ] == asyncio.run(archive.ask(question(), partial(alerts_by_day, capacity=8)))


@settings(max_examples=25, deadline=None)
@given(PAYMENTS)
def test_attacks_are_those_of_going_through_the_frauds(payments: list[dict[str, Any]]) -> None:
    """Card after card, in order of time: another attack begins when nothing came for a day."""
    decisions = [{name: value for name, value in each.items() if name != "fraud"} for each in payments]
    labels = [
        Label(f"p{number}", True, MONDAY_MS, "review")
        for number, each in enumerate(payments)
        if each["fraud"]
    ]
    frauds = sorted(
        (
            (each["card"], each["event_time"], number)
            for number, each in enumerate(payments)
            if each["fraud"] and each["card"]
        ),
    )
    attacks: list[list[int]] = []
    for _, of_card in groupby(frauds, key=lambda fraud: fraud[0]):
        rows = list(of_card)
        attacks.append([rows[0][2]])
        for before, after in pairwise(rows):
            if after[1] - before[1] > DAY_MS:
                attacks.append([])
            attacks[-1].append(after[2])
    expected: dict[str, tuple[int, float, float]] = {}
    for numbers in attacks:
        alerted = [payments[number]["outcome"] != "approve" for number in numbers]
        first = alerted.index(True) if any(alerted) else len(numbers)
        name = "never" if first == len(numbers) else str(first + 1) if first < 5 else "6 and later"
        amounts = [payments[number]["amount"] for number in numbers]
        count, before, after = expected.get(name, (0, 0.0, 0.0))
        expected[name] = count + 1, before + sum(amounts[:first]), after + sum(amounts[first:])
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(write(Path(directory), decisions, labels).ask(question(), positions))

    assert (None if not payments else expected) == (
        None
        if found is None
        else {
            each["first_alert"]: (each["attacks"], each["before_amount"], each["after_amount"])
            for each in found
            if each["attacks"]
        }
    )
