"""A worker that holds partitions and does not get on ends itself; real processes on a real broker."""

from fraudstream.adapters.process import EXIT_CRASH
from fraudstream.settings import Settings
from tests.chaos.workers import Worker, until


async def test_a_rebalance_that_does_not_come_to_its_end_ends_the_worker(kafka_settings: Settings) -> None:
    """Here it waits for a member that was stopped; it could as well be an answer that never comes."""
    patient = kafka_settings.model_copy(update={"session_timeout_s": 20.0, "web": False})
    impatient = patient.model_copy(update={"stall_timeout_s": 3.0})
    stopped, waiting, third = Worker(patient, "a"), Worker(impatient, "b"), Worker(patient, "c")
    try:
        stopped.start()
        waiting.start()
        assert await until(lambda: bool(stopped.partitions and waiting.partitions), 60), waiting.log
        stopped.pause()
        third.start()
        code = await waiting.ended(30)
    finally:
        for worker in (stopped, waiting, third):
            if worker.running:
                worker.kill()

    assert EXIT_CRASH == code, waiting.log
    assert "a rebalance did not come to its end" in waiting.log
