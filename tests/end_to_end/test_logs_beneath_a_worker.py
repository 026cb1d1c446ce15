"""Logs that are deleted, recreated or truncated while a worker runs end it with one sentence; nothing is left out."""

import pytest

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.process.exits import EXIT_CRASH, EXIT_SETUP
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, expected_windows, produce, settled
from tests.end_to_end.other_logs import made_anew
from tests.end_to_end.test_damaged_state import ended, group_empty
from tests.end_to_end.test_other_logs import adopted, send
from tests.end_to_end.test_worker import encoded, payments, windows


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


async def test_deleting_a_topic_of_a_running_worker_ends_it_with_what_to_do(settings: Settings) -> None:
    """A restart does not bring it back, and the state depends on it."""
    name = topics.changelog(settings).name
    with Worker(settings) as worker:
        await produce(settings, [encoded(payment) for payment in payments(300, seed=81)])
        await settled(settings)
        async with administration(Kafka.of(settings)) as admin:
            await admin.delete_topics([name])
        code = await ended(worker)

    assert EXIT_SETUP == code, worker.log
    assert (
        f"topic {name} was deleted; stop all workers, run `fraudstream state rebuild`, and start them"
        in worker.log.splitlines()[-1]
    )


async def test_a_source_topic_recreated_under_a_running_worker_is_refused_and_nothing_of_it_left_out(
    settings: Settings,
) -> None:
    """Whether the consumer or the check notices first, the next start says the same; the advice is followed.

    What was decided before it was noticed saw payments of both logs. What comes later does not.
    """
    with Worker(settings) as worker:
        await produce(settings, [encoded(payment) for payment in payments(300, seed=82)])
        await settled(settings)
        await made_anew(settings, settings.topic("transactions"))
        ids = await send(settings, payments(200, seed=83))
        code = await ended(worker)
    if EXIT_CRASH == code:
        await group_empty(settings)
        with Worker(settings) as worker:
            code = await ended(worker)

    assert EXIT_SETUP == code, worker.log
    assert "stop all workers and run: fraudstream state adopt" in worker.log.splitlines()[-1]
    await group_empty(settings)
    await adopted(settings)
    later = await send(settings, payments(200, seed=84))
    with Worker(settings):
        decisions = await decisions_of(settings, ids | later)
    found = windows([decision for decision in decisions if decision["transaction_id"] in later])
    expected = await expected_windows(settings)
    assert {tid: expected[tid] for tid in later} == found
