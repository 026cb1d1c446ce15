"""Sets up the demo: a broker and a prepared world, at the same time."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fraudstream.adapters.broker import AlreadyRunning, BrokerError, EmbeddedBroker, PortTaken, running_state
from fraudstream.adapters.broker.ports import claim
from fraudstream.demo.screen import Screen
from fraudstream.demo.world import DemoWorld
from fraudstream.process.children import ChildFailed, run_to_end
from fraudstream.settings import Settings

WATCH_EVERY_S = 0.5


def port_for(wanted: int, what: str, screen: Screen) -> int:
    """Return the wanted port, or a free one with a note to the user."""
    try:
        return claim(wanted)[0]
    except PortTaken:
        free = claim(0)[0]
        screen.note(f"port {wanted} is taken by another program, so {what} uses port {free}")
        return free


@asynccontextmanager
async def running_broker(data_dir: Path, port: int, screen: Screen) -> AsyncIterator[EmbeddedBroker]:
    """Yield a started broker and stop it after the block; a download in progress is cancelled when the demo stops."""
    given_up = threading.Event()

    def on_bytes(done_bytes: int, total_bytes: int) -> None:
        if given_up.is_set():
            raise BrokerError("the download was cancelled")
        screen.running("broker", f"downloading Kafka, {done_bytes / 1e6:.0f} of {total_bytes / 1e6:.0f} MB")

    broker = EmbeddedBroker(data_dir / "broker", port, on_bytes=on_bytes)
    starting = asyncio.create_task(asyncio.to_thread(_start, broker, screen))
    try:
        await asyncio.shield(starting)
        state = broker.state
        screen.done("broker", f"Apache Kafka {state.kafka_version if state else ''} at {broker.bootstrap}")
        yield broker
    except AlreadyRunning as error:
        raise BrokerError(
            f"another demo runs in {data_dir}; stop that one, or choose another directory with --data-dir"
        ) from error
    finally:
        given_up.set()
        await asyncio.shield(_stopped(broker, starting))


def _start(broker: EmbeddedBroker, screen: Screen) -> None:
    """Start the broker, on another port if its own is taken, e.g. by a demo that starts at the same moment."""
    screen.running("broker", f"starting on port {broker.port}")
    try:
        broker.start()
    except PortTaken:
        broker.port = port_for(broker.port, "Kafka", screen)
        screen.running("broker", f"starting on port {broker.port}")
        broker.start()


async def _stopped(broker: EmbeddedBroker, starting: "asyncio.Task[None]") -> None:
    """Stop the broker, even if it is still starting."""
    await asyncio.wait([starting])
    await asyncio.to_thread(broker.stop)


async def watch_broker(broker: EmbeddedBroker) -> None:
    """Raise ChildFailed when the broker ends."""
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        if running_state(broker.data_dir) is None:
            break
    lines = broker.log_path.read_text(errors="replace").splitlines()[-5:]
    raise ChildFailed("\n".join([f"Kafka has ended; the end of {broker.log_path}:", *lines]))


async def prepare(world: DemoWorld, settings: Settings, screen: Screen) -> None:
    """Make history, weekly aggregates and model, unless they are there from an earlier run today."""
    if world.is_prepared(settings):
        for name, _ in world.commands():
            screen.done(name, f"from an earlier run, as of {world.midnight} 00:00 UTC")
        return
    world.begin(settings)
    environment = {"FRAUDSTREAM_DATA_DIR": str(settings.data_dir)}
    for name, command in world.commands():
        screen.running(name, f"fraudstream {' '.join(command)}")
        printed = await run_to_end(
            [*command, "--json"], environment, settings.data_dir / f"{name}.log", lambda line: None
        )
        screen.done(name, _summary(name, json.loads(printed)))
    world.finish(settings)


def _summary(name: str, facts: Mapping[str, object]) -> str:
    """Say what a step has made."""
    if name == "history":
        return f"{facts['payments']:,} payments, {facts['fraud']:,} of them fraud, up to {facts['last_date']}"
    if name == "weeks":
        return f"of {facts['rows']:,} cards as of {facts['as_of']} 00:00 UTC"
    metrics = facts["metrics"]
    assert isinstance(metrics, dict)
    return (
        f"{facts['version']}: average precision {metrics['average_precision']:.2f}, "
        f"precision {metrics['precision']:.2f} and recall {metrics['recall']:.2f} on later payments"
    )
