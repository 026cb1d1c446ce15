"""Topics and cases are kept in step: alerts become cases, closes become labels, and nothing counts twice."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.positions import stored
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.console.background import Background, end
from fraudstream.console.intake import feed
from fraudstream.console.intake.feed import CaseFeed
from fraudstream.domain.labels import Label, encode
from fraudstream.domain.review.actions import Note
from fraudstream.domain.review.case import Finding
from fraudstream.settings import Settings
from tests.adapters.database.reviewed import decision
from tests.console.intake.stage import (
    alert,
    all_labels_of,
    cases_of,
    close_all,
    feeding,
    labels_of,
    reviewed,
    send,
    until,
)
from tests.shared import delete_topics


async def test_alerts_become_cases_closes_become_labels_and_labels_of_others_appear(
    kafka_settings: Settings, database_url: str
) -> None:
    """What is no decision and no label, and a label of a payment that nobody reviews, are passed over."""
    engine = opened(database_url)
    await send(kafka_settings, "fraud-alerts", [("x", b"[]"), ("x", b"")])
    await send(kafka_settings, "labels", [("x", b"{}"), ("x", encode(Label("unknown", True, 1)))])
    await alert(kafka_settings, ("t1", "card1"), ("t2", "card2"), ("t3", "card1"))
    passed = decision("t4", "card3", 5, 9, outcome="approve", rules=[], passed_rules=["suspicious"])
    await send(kafka_settings, "decisions", [("card3", passed)])

    async with feeding(kafka_settings, engine) as store:
        await until(lambda: len(reviewed(store)) == 4)
        cards = reviewed(store)
        payments = await asyncio.to_thread(close_all, store, Finding.FRAUD)
        with store.reading() as cases:
            one = cases.of_payment("t1")
        assert one is not None
        assert [] == await labels_of(kafka_settings)  # the close can still be taken back
        await send(kafka_settings, "labels", [("t1", encode(Label("t1", False, 5, "chargeback")))])

        def all_there() -> bool:
            with store.reading() as cases:
                return 2 == len(cases.labels(one.id)["t1"]) if cases.labels(one.id) else False

        await until(all_there)
        labels, published = await all_labels_of(kafka_settings), await cases_of(kafka_settings)

    assert {"t1": "card1", "t2": "card2", "t3": "card1", "t4": "card3"} == cards
    assert sorted(payments) == sorted(label["transaction_id"] for label in labels)
    assert {(True, one.closed_at, "because")} == {
        (label["fraud"], label["known_at"], label["note"])
        for label in labels
        if label["transaction_id"] == "t1"
    }
    assert ["closed", 2, ["t1", "t3"]] == [
        published[one.id]["state"],
        published[one.id]["payments"],
        sorted(each["transaction_id"] for each in published[one.id]["reviewed"]),
    ]
    assert [True, False, False] == sorted((case["blind"] for case in published.values()), reverse=True)


async def test_topics_without_records_are_read_on(
    kafka_settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing yet whose reading could be committed; nothing fails, and the first alert becomes a case."""
    monkeypatch.setattr(feed, "COMMIT_EVERY_S", 0.1)
    monkeypatch.setattr(feed, "PUBLISH_EVERY_S", 0.1)
    background = Background("reading alerts", CaseFeed(kafka_settings, opened(database_url)).run)
    task = asyncio.create_task(background.run())
    try:
        await ensure_topics(kafka_settings)
        await asyncio.sleep(3)
        before = background.problem
        await alert(kafka_settings, ("t1", "card1"))
        await until(lambda: len(reviewed(CaseStore(opened(database_url)))) == 1)
    finally:
        await end([task])

    assert ("", "") == (before, background.problem)


async def test_a_database_restored_from_yesterday_catches_up_and_does_nothing_twice(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """What was decided since is on the topic `cases`: neither is a case opened again nor a label published again."""
    path, copy = tmp_path / "f.db", tmp_path / "copy.db"
    await alert(kafka_settings, ("t1", "card1"), ("t2", "card2"))
    engine = opened(f"sqlite:///{path}")
    async with feeding(kafka_settings, engine) as store:
        await until(lambda: len(reviewed(store)) == 2)
    engine.dispose()
    shutil.copy(path, copy)

    engine = opened(f"sqlite:///{path}")
    async with feeding(kafka_settings, engine) as store:
        payments = await asyncio.to_thread(close_all, store, Finding.LEGITIMATE)
        await alert(kafka_settings, ("t3", "card1"), ("t4", "card4"))
        await until(lambda: len(reviewed(store)) == 2)
        with store.transaction() as cases:
            case = cases.of_payment("t3")
            assert case is not None
            cases.change(case.id, Note("the holder is on holiday"), "ann")
        await labels_of(kafka_settings, 2)
        await until(lambda: _all_published(store) and len(_labelled(store)) == 2)
    before = _all_of(store)
    engine.dispose()

    engine = opened(f"sqlite:///{copy}")
    async with feeding(kafka_settings, engine) as store:
        await until(lambda: reviewed(store) == {"t3": "card1", "t4": "card4"})
        await alert(kafka_settings, ("t5", "card5"))
        await until(lambda: len(reviewed(store)) == 3)
        await asyncio.sleep(2)
        with store.reading() as cases:
            known = cases.of_payment("t5")
    after = _all_of(store)
    engine.dispose()

    assert known is not None
    assert before == {key: value for key, value in after.items() if key != known.id}
    assert sorted(payments) == sorted(
        label["transaction_id"] for label in await all_labels_of(kafka_settings)
    )


async def test_a_topic_that_was_recreated_is_read_from_its_first_record(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Payments that have a case already are passed over."""
    engine = opened(f"sqlite:///{tmp_path / 'f.db'}")
    await alert(kafka_settings, ("t1", "card1"), ("t2", "card1"), ("t3", "card1"))
    async with feeding(kafka_settings, engine) as store:
        await until(lambda: len(reviewed(store)) == 3)
    delete_topics(kafka_settings.broker, kafka_settings.topic("fraud-alerts"))
    await ensure_topics(kafka_settings)
    await alert(kafka_settings, ("t3", "card1"), ("t4", "card1"), ("t5", "card1"))
    async with feeding(kafka_settings, engine) as store:
        await until(lambda: len(reviewed(store)) == 5)
    engine.dispose()

    assert {f"t{number}": "card1" for number in range(1, 6)} == reviewed(store)


async def test_decisions_that_nobody_reviews_are_passed_over_and_not_read_again(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """How far they were read is stored, though nothing is made of them and nothing comes after them."""
    engine = opened(f"sqlite:///{tmp_path / 'f.db'}")
    name = kafka_settings.topic("decisions")
    values = [decision(f"t{number}", "card1", 5, 9, outcome="approve", rules=[]) for number in range(3)]
    async with feeding(kafka_settings, engine) as store:
        for value in values:
            await send(kafka_settings, "decisions", [("card1", value)])

        def passed_over() -> int:
            with store.reading() as cases:
                return sum(at.next_offset for at in stored(cases.connection, name).values())

        await until(lambda: passed_over() == len(values))
    engine.dispose()


def _all_published(store: CaseStore) -> bool:
    with store.engine.connect() as connection:
        return not connection.exec_driver_sql("SELECT id FROM cases WHERE published < version").first()


def _labelled(store: CaseStore) -> list[str]:
    with store.engine.connect() as connection:
        return [*connection.exec_driver_sql("SELECT transaction_id FROM case_labels").scalars()]


def _all_of(store: CaseStore) -> dict[str, str]:
    """Return everything that is known of each case."""
    with store.engine.connect() as connection:
        ids = connection.exec_driver_sql("SELECT id FROM cases").scalars().all()
    with store.reading(0) as cases:
        return {
            each: json.dumps(
                [
                    str(cases.get(each)),
                    str(cases.payments(each)),
                    str(cases.history(each)),
                    str(cases.labels(each)),
                ]
            )
            for each in ids
        }
