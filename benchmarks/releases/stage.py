"""A worker on a broker of its own, two releases, an operator in this process, and payments."""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.cluster import Ends
from benchmarks.lone_worker import LoneWorker, broker, payment, prepared_in, told
from benchmarks.traffic import Record
from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.models.archive_file import packed, unpacked
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.adapters.releases.drafting import draft
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.releases.telling import answers, tell, telling
from fraudstream.domain.releases.release_log import Action, ReleaseLog, put
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.settings import Settings

CARDS = 20_000
NAME = "releases"
BLOCKS_EVERYTHING = 3
"""The number of the release that does."""
ANSWER_S = 60.0

EVERYTHING = Ruleset((Rule("everything", "amount > 0", "block"),))
"""What no canary may do."""
OTHER = Ruleset(
    (Rule("probable", "probability > 0.5", "block"), Rule("many", "num_trans_last_10m > 3", "review"))
)

T = TypeVar("T")


class Operator:
    """Changes releases by the log and the control topic, as commands do, from a thread with an event loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.store = Releases.at(settings.models_place, "card")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._telling = telling(settings)
        self._publisher: Publisher = self.run(self._telling.__aenter__())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on the operator's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def do(self, number: int, action: Action, share: float | None = None) -> int:
        """Do something to a release and tell workers; return the revision."""

        def entries(log: ReleaseLog) -> Any:
            return put(log, self.store.entry(log, number, action, "a benchmark", share))

        log = self.store.append(entries)
        self.run(tell(self._publisher, self._settings, log))
        return log.revision

    def switch(self) -> int:
        """Let the other of the first two releases decide; return the revision."""
        return self.do(2 if self.store.log().active == 1 else 1, Action.ACTIVATE)

    def applied(self, revision: int) -> None:
        """Wait until the worker decides by a revision."""
        deadline = time.monotonic() + ANSWER_S
        while revision not in {each.revision for each in self.run(answers(self._settings, "card"))}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no worker has answered revision {revision} in {ANSWER_S:.0f} s")
            time.sleep(0.2)

    def close(self) -> None:
        """Disconnect."""
        self.run(self._telling.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class Payments:
    """Payments of now, each with an id of its own."""

    def __init__(self) -> None:
        self.made = 0

    def next(self, count: int) -> tuple[list[Record], list[str]]:
        """Return so many payments, and their ids."""
        now_ms = time.time_ns() // 1_000_000
        numbers = range(self.made, self.made + count)
        self.made += count
        return [payment(number % CARDS, now_ms, f"p{number}") for number in numbers], [
            f"p{number}" for number in numbers
        ]


class Stage:
    """Everything that the parts of the benchmark use."""

    def __init__(self, worker: LoneWorker, settings: Settings) -> None:
        self.worker = worker
        self.settings = settings
        self.operator = Operator(settings)
        self.payments = Payments()

    def topic(self, topic: topics.Topic) -> str:
        """Return a topic's full name."""
        return self.worker.topic(topic)

    def decisions(self) -> Iterator[bytes]:
        """Yield all decisions so far."""
        name = self.topic(topics.DECISIONS)
        ends: Ends = self.worker.cluster.ends(name)
        for messages in self.worker.cluster.read(name, dict.fromkeys(ends, 0), ends):
            yield from (message.value() for message in messages)


@contextmanager
def stage(directory: Path, data_dir: Path) -> Iterator[Stage]:
    """Yield a stage with three releases: two to switch between, and one that blocks everything."""
    prepared = prepared_in(data_dir, told)
    models = directory / "models"
    shutil.copytree(prepared.settings.models_place, models)
    with broker(directory / "broker") as cluster:
        worker = LoneWorker(cluster, prepared, directory, NAME, {"FRAUDSTREAM_MODELS": str(models)})
        worker.create_topics()
        settings = Settings(
            _env_file=None,
            broker=cluster.bootstrap,
            app_id=NAME,
            topic_prefix=f"{NAME}-",
            data_dir=prepared.data_dir,
            models=str(models),
            partitions=cluster.partitions,
        )
        _draft(models)
        made = Stage(worker, settings)
        try:
            yield made
        finally:
            made.operator.close()


def _draft(models: Path) -> None:
    """Draft and check: the active model; the same trees as another version with other rules; one that blocks everything."""
    registry, store, card = Registry.at(models, "card"), Releases.at(models, "card"), event_type_named("card")
    first = registry.resolve()
    part = unpacked(packed(registry, first), "card", "a benchmark")
    with training(registry) as made:
        made.save(part.carried(), part.files)
    for version, rules in ((first, None), (made.version, OTHER), (first, EVERYTHING)):
        number = draft(store, registry, card, str(version), rules).number
        store.append(_checked(store, number))


def _checked(store: Releases, number: int) -> Callable[[ReleaseLog], Any]:
    return lambda log: [store.entry(log, number, Action.CHECK, "a benchmark")]
