"""Runs the demo. Whatever ends it (time, a signal, an error) ends everything it started."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from fraudstream import topics
from fraudstream.acceptance.lines import closing, shown
from fraudstream.acceptance.live import StoryResult, tell_live
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.demo.people import serve_people
from fraudstream.demo.scoreboard import Scoreboard, read_decisions, read_labels
from fraudstream.demo.screen import Screen
from fraudstream.demo.setup import port_for, prepare, running_broker, watch_broker
from fraudstream.demo.world import DemoWorld
from fraudstream.process.children import Child, started
from fraudstream.settings import Settings
from fraudstream.traffic.session import stopped_by_signals

KAFKA_PORT = 9092
READY_TIMEOUT_S = 60.0
POLL_S = 0.1
LAST_DECISIONS_S = 0.5
"""Between the end of the traffic and the end of counting."""


@dataclass(slots=True)
class Demo:
    """The demo's options and results."""

    settings: Settings
    rate: float
    attacks: float
    for_s: float | None
    began: float = field(default_factory=time.time)
    board: Scoreboard | None = None
    results: list[StoryResult] | None = None

    @property
    def first_alert_s(self) -> float | None:
        """Seconds from the start of the command to the first alert."""
        if self.board is None or self.board.first_alert_at is None:
            return None
        return self.board.first_alert_at - self.began

    @property
    def passed(self) -> bool | None:
        """Whether the acceptance story passed; None if it did not end."""
        return None if self.results is None else all(result.passed for result in self.results)


async def play(demo: Demo, screen: Screen) -> bool:
    """Run the demo; True if it came to its own end, False if a signal ended it. Raises the first error."""
    with stopped_by_signals() as stop:
        showing = asyncio.create_task(_show(demo, screen))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([showing, stopping], return_when=asyncio.FIRST_COMPLETED)
        ended = showing.done()
        for task in (stopping, showing):
            task.cancel()
        await asyncio.wait([showing])
    if not showing.cancelled() and (error := showing.exception()) is not None:
        raise _first(error)
    return ended


def _first(error: BaseException) -> BaseException:
    """Return the first error inside the groups that tasks wrap it in."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _show(demo: Demo, screen: Screen) -> None:
    async with AsyncExitStack() as stack:
        settings = demo.settings
        web_port = port_for(settings.web_port, "the dashboard", screen)
        console_port = port_for(settings.console_port, "the console", screen)
        async with asyncio.TaskGroup() as group:
            broker_up = group.create_task(
                stack.enter_async_context(running_broker(settings.data_dir, KAFKA_PORT, screen))
            )
            group.create_task(prepare(DemoWorld.for_rate(demo.rate), settings, screen))
        broker = broker_up.result()
        settings = settings.model_copy(update={"broker": broker.bootstrap, "web_port": web_port})
        async with asyncio.TaskGroup() as group:
            watchers = [group.create_task(watch_broker(broker))]
            worker = await stack.enter_async_context(_running(["worker"], settings, "worker"))
            watchers.append(group.create_task(worker.watch()))
            try:
                await asyncio.wait_for(_until_ready(settings, screen), READY_TIMEOUT_S)
            except TimeoutError:
                raise worker.failure(None) from None
            watchers.append(group.create_task(_serve_people(demo, settings, console_port, screen)))
            await _watch_traffic(demo, settings, screen)
            for watcher in watchers:
                watcher.cancel()


@asynccontextmanager
async def _running(arguments: list[str], settings: Settings, name: str) -> AsyncIterator[Child]:
    """Start one of our commands with the demo's settings."""
    async with started(arguments, _environment(settings), settings.data_dir / f"{name}.log") as child:
        yield child


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "FRAUDSTREAM_BROKER": settings.broker,
        "FRAUDSTREAM_DATA_DIR": str(settings.data_dir),
        "FRAUDSTREAM_WEB": "true",
        "FRAUDSTREAM_WEB_PORT": str(settings.web_port),
    }


async def _serve_people(demo: Demo, settings: Settings, port: int, screen: Screen) -> None:
    """Start what people use once there is something for them: until the first alert the worker needs the processors."""
    while True:
        if demo.first_alert_s is not None:
            break
        await asyncio.sleep(POLL_S)
    await serve_people(_environment(settings), settings.data_dir, port, screen)


async def _until_ready(settings: Settings, screen: Screen) -> None:
    """Wait until the worker says that it has its partitions and state."""
    address = f"http://127.0.0.1:{settings.web_port}"
    screen.running("worker", "starting, joining its group, recovering its state")
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{address}/health") as answer:
                    if answer.status == 200:
                        break
            await asyncio.sleep(POLL_S)
    screen.address = address
    screen.done("worker", f"running; pages at {address}")


async def _watch_traffic(demo: Demo, settings: Settings, screen: Screen) -> None:
    """Start traffic, counting and the acceptance story; return when the time is over and the story has ended."""
    board = demo.board = screen.board = Scoreboard(since_ms=time.time_ns() // 1_000_000)
    decisions, labels = (settings.topic(topic.name) for topic in (topics.DECISIONS, topics.LABELS))
    traffic = ["produce", "simulate", "--rate", f"{demo.rate:g}", "--attacks", f"{demo.attacks:g}"]
    async with (
        following(Kafka.of(settings), decisions, settings.partitions) as decided,
        following(Kafka.of(settings), labels, settings.partitions) as labelled,
        asyncio.TaskGroup() as group,
    ):
        reading = [
            group.create_task(read_decisions(decided, board)),
            group.create_task(read_labels(labelled, board)),
            group.create_task(_ticking(screen)),
        ]
        screen.running("traffic", f"fraudstream {' '.join(traffic)}")
        async with _running(traffic, settings, "traffic") as child:
            group.create_task(child.watch())
            story = group.create_task(_accept(demo, settings, screen))
            ends = time.monotonic() + demo.for_s if demo.for_s is not None else None
            await story
            await asyncio.sleep(float("inf") if ends is None else max(0.0, ends - time.monotonic()))
        screen.done("traffic", "ended")
        await asyncio.sleep(LAST_DECISIONS_S)
        for task in reading:
            task.cancel()


async def _accept(demo: Demo, settings: Settings, screen: Screen) -> None:
    """Run the acceptance story, with and without keys, during the traffic."""
    screen.running("acceptance", "fraudstream acceptance, keyed and unkeyed")
    on_line: Callable[[str], None] = screen.story
    demo.results = await tell_live(settings, on_line=lambda line: on_line(shown(line)))
    for result in demo.results:
        screen.story(closing(result))
    if demo.passed:
        screen.done("acceptance", "PASS")
    else:
        screen.failed("acceptance", "FAIL")


async def _ticking(screen: Screen) -> None:
    while True:
        screen.tick()
        await asyncio.sleep(POLL_S)
