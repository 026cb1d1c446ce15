"""How many labels are still to come, by how they came for older days."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest

from fraudstream.analytics.expected import ToCome, label_delays, median_wait_days, to_come
from fraudstream.domain.labels import Label
from tests.analytics.history import question, write
from tests.archive_rows import DAY_MS, MONDAY_MS

MONDAY = date(2020, 2, 3)
DAYS = [MONDAY + timedelta(days=number) for number in range(4)]


def test_a_young_day_is_expected_to_get_labels_as_older_ones_did() -> None:
    """Half of the labels come on the day, a quarter on the next and the one after; on Thursday nothing more comes for Monday."""
    delays = {
        DAYS[0]: {0: 20, 1: 10, 2: 10},
        DAYS[1]: {0: 20, 1: 10, 2: 10},
        DAYS[2]: {0: 10, 1: 5},
        DAYS[3]: {0: 30},
    }
    found = to_come(delays, DAYS[3])

    assert [40, 40, 15, 30] == [found[day].known for day in DAYS]
    assert [40, 40, 20, 60] == pytest.approx([found[day].expected for day in DAYS])
    assert 0.0 == median_wait_days(delays)
    assert 1.0 == median_wait_days({DAYS[0]: {0: 1, 1: 3, 9: 1}})


def test_a_day_without_any_label_is_too_new_to_say() -> None:
    """Nothing times a factor would be a promise that nothing comes."""
    found = to_come({DAYS[0]: {0: 1, 1: 1}, DAYS[3]: {}}, DAYS[3])

    assert ToCome(0, None) == found[DAYS[3]]
    assert median_wait_days({DAYS[3]: {}}) is None


def test_the_wait_is_from_the_payment_s_day_to_that_of_its_label(tmp_path: Path) -> None:
    """Days without labels are there, and of fraud only what is labelled fraud."""
    payments = [{"event_time": MONDAY_MS}, {"event_time": MONDAY_MS + 1}, {"event_time": MONDAY_MS + DAY_MS}]
    labels = [Label("p0", True, MONDAY_MS + 2 * DAY_MS + 5), Label("p1", False, MONDAY_MS + 3)]
    archive = write(tmp_path, payments, labels)

    assert {DAYS[0]: {0: 1, 2: 1}, DAYS[1]: {}} == asyncio.run(archive.ask(question(), label_delays))
    assert {DAYS[0]: {2: 1}, DAYS[1]: {}} == asyncio.run(
        archive.ask(question(), lambda decided: label_delays(decided, only_fraud=True))
    )
