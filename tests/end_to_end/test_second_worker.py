"""A second worker on one host: what it cannot share, and which settings to change."""

import socket

import pytest

from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, produce, settled
from tests.end_to_end.test_damaged_state import ended
from tests.end_to_end.test_worker import encoded, payments


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings of a worker with pages on a port of its own."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web_port": free_port("127.0.0.1")})


async def test_a_second_worker_is_told_what_to_set_and_then_runs(settings: Settings) -> None:
    """One sentence and code 2 for the port, then for the directory; with both of its own it takes partitions."""
    await produce(settings, [encoded(payment) for payment in payments(50, seed=71)])
    with Worker(settings) as first:
        await settled(settings)
        with Worker(settings.model_copy(update={"state_dir": settings.data_dir / "b"})) as same_port:
            assert 2 == await ended(same_port)
        with Worker(settings.model_copy(update={"web_port": 0})) as same_directory:
            assert 2 == await ended(same_directory)
        assert f"port {settings.web_port} of 127.0.0.1 is in use" in same_port.log
        assert "set FRAUDSTREAM_WEB_PORT=0" in same_port.log
        assert (
            f"the state directory {settings.worker_state_dir} is used by another worker" in same_directory.log
        )
        own = settings.worker_state_dir.with_name(settings.worker_state_dir.name + "-2")
        assert f"FRAUDSTREAM_STATE_DIR={own}" in same_directory.log
        assert "Traceback" not in same_port.log + same_directory.log

        more = payments(50, seed=72)
        with Worker(settings.model_copy(update={"web_port": 0, "state_dir": own})) as second:
            while "deciding partitions" not in second.log:
                await decisions_of(settings, set())
            await produce(settings, [encoded(payment) for payment in more])
            await decisions_of(settings, {payment["tid"] for payment in more})
        assert first.process is not None
        assert first.process.poll() is None


async def test_a_port_that_another_program_uses_is_refused_with_a_sentence(settings: Settings) -> None:
    """So is an address that this host does not have."""
    with socket.create_server(("127.0.0.1", settings.web_port)), Worker(settings) as worker:
        assert 2 == await ended(worker)
    elsewhere = settings.model_copy(update={"web_host": "192.0.2.1", "web_without_login": True})
    with Worker(elsewhere) as lost:
        assert 2 == await ended(lost)

    assert "set FRAUDSTREAM_WEB_PORT=0" in worker.log
    assert "the pages cannot be served at 192.0.2.1" in lost.log
    assert "Traceback" not in worker.log + lost.log
