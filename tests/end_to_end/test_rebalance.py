"""What delays a rebalance and what does not; real processes on a real broker."""

from fraudstream.process.exits import EXIT_CRASH
from fraudstream.settings import Settings
from tests.chaos.workers import Worker, until
from tests.end_to_end import harness
from tests.end_to_end.test_worker import encoded, payments


async def test_a_rebalance_that_does_not_finish_ends_the_worker(kafka_settings: Settings) -> None:
    """Here it waits for a member that is paused; a missing answer of a broker has the same effect."""
    patient = kafka_settings.model_copy(update={"session_timeout_s": 20.0, "web": False})
    impatient = patient.model_copy(update={"stall_timeout_s": 3.0})
    stopped, waiting, third = Worker(patient, "a"), Worker(impatient, "b"), Worker(patient, "c")
    try:
        stopped.start()
        waiting.start()
        assert await until(lambda: len(stopped.partitions) == len(waiting.partitions) == 2, 60)
        third.start()
        assert await until(lambda: "model" in third.log, 60)  # it joins in a moment, well within a session
        stopped.pause()
        code = await waiting.ended(30)
    finally:
        for worker in (stopped, waiting, third):
            if worker.running:
                worker.kill()

    assert EXIT_CRASH == code, waiting.log
    assert "a rebalance did not finish" in waiting.log


async def test_a_rebalance_waits_for_the_micro_batch_in_flight_and_not_for_the_backlog(
    kafka_settings: Settings,
) -> None:
    """What was collected and not begun is read again by whoever has the partition then."""
    settings = kafka_settings.model_copy(update={"web": False, "chunk_rows_max": 50, "batch_rows_max": 50})
    second = settings.model_copy(update={"state_dir": settings.data_dir / "state" / "second"})
    sent = payments(4000, seed=5)
    slow = ("-m", "tests.end_to_end.slow_worker")
    await harness.produce(settings, [encoded(payment) for payment in sent])
    with harness.Worker(settings, slow) as busy, harness.Worker(second, slow) as joining:
        shared = await until(lambda: all("deciding" in worker.log for worker in (busy, joining)), 30)
        decided = len(await harness.read_all(settings, "decisions"))
        busy.kill()
        joining.kill()

    assert shared, f"{decided} decided; {busy.log}"
    assert decided < len(sent)


THOROUGH = ("-m", "tests.end_to_end.thorough_worker")


async def test_checking_a_large_state_does_not_cost_the_partitions(kafka_settings: Settings) -> None:
    """The worker sends heartbeats meanwhile: nothing is decided twice, and the first commit succeeds."""
    settings = kafka_settings.model_copy(update={"web": False})
    sent = payments(400, seed=6)
    await harness.produce(settings, [encoded(payment) for payment in sent])
    with harness.Worker(settings, THOROUGH) as worker:
        await harness.settled(settings)

    assert len(sent) == len(await harness.read_all(settings, "decisions"))
    assert 1 == worker.log.count("deciding partitions 0, 1, 2, 3")


async def test_what_could_not_be_committed_is_committed_when_it_is_decided_again(
    kafka_settings: Settings,
) -> None:
    """A worker without heartbeats for too long learns of it at its first commit, and reads its partitions again."""
    settings = kafka_settings.model_copy(update={"web": False})
    sent = payments(400, seed=7)
    await harness.produce(settings, [encoded(payment) for payment in sent])
    with harness.Worker(settings, (*THOROUGH, "silent")) as worker:
        await harness.settled(settings)

    assert len(sent) < len(await harness.read_all(settings, "decisions"))
    assert "OffsetCommit failed" in worker.log
