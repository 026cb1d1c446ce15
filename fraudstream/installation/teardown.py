"""Takes an installation away, thing after thing: first what workers write to, last what everything else was made with.

A thing that is not there is passed over, so a teardown that was interrupted is finished by the next one. What lies on servers of
other people, a bucket or a database server, is named and left: removing it is theirs.
"""

import asyncio
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from fraudstream.adapters.kafka.admin import administration, existing_topics
from fraudstream.adapters.kafka.partition_logs import members_in
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.topics import all_topics, archive_group

Kind = Literal["topics", "state", "weekly", "models", "archive", "history", "database", "keys"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they are taken away. Without keys nothing that is left can be read by its card numbers, so they are last."""

BESIDE_DATABASE = ("", "-wal", "-shm", ".cases")
"""How the names of a SQLite database's files end: it, its journal, and the lock of the console that reads alerts."""

WEEKLY_HERE = ("snapshot", "disk")
TOPICS_TIMEOUT_MS = 30_000
COORDINATOR_WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to be removed: topics, files or directories; or something that is left, with the reason."""

    kind: Kind
    name: str
    topics: tuple[str, ...] = ()
    paths: tuple[Path, ...] = field(default=())
    left: str = ""


async def things(settings: Settings, kinds: tuple[Kind, ...]) -> list[Thing]:
    """Return what there is of these kinds, in order; raises SetupError while workers or archivers run."""
    found: list[Thing] = []
    if "topics" in kinds:
        found += await _topics(settings)
    return found + [each for each in _files(settings) if each.kind in kinds]


async def remove(thing: Thing, settings: Settings) -> None:
    """Remove a thing; what has gone meanwhile is no error."""
    if thing.topics:
        async with administration(Kafka.of(settings)) as admin:
            there = await existing_topics(admin, thing.topics)
            await admin.delete_topics(list(there), timeout_ms=TOPICS_TIMEOUT_MS)
    for path in thing.paths:
        _remove(path)


async def _topics(settings: Settings) -> list[Thing]:
    async with administration(Kafka.of(settings)) as admin:
        running = [group for group in (settings.app_id, archive_group(settings)) if await _runs(admin, group)]
        if running:
            raise SetupError(
                f"processes of the group {', '.join(running)} still run: stop workers and archivers first"
            )
        there = await existing_topics(admin, all_topics(settings))
    return [Thing("topics", name, (name,)) for name in sorted(there)]


async def _runs(admin: AIOKafkaAdminClient, group: str) -> bool:
    """Tell whether a group has members; brokers that have never had one begin with the question to keep groups, and cannot answer at once."""
    deadline = time.monotonic() + COORDINATOR_WAIT_S
    while True:
        try:
            return await members_in(admin, group) > 0
        except GroupCoordinatorNotAvailableError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.5)


def _files(settings: Settings) -> Iterator[Thing]:
    """Yield what there is of files."""
    yield from _directory("state", str(settings.worker_state_dir))
    if settings.weekly_store in WEEKLY_HERE:
        yield from _directory("weekly", str(settings.weekly_dir))
        yield from _directory("weekly", str(settings.weekly_disk_dir))
    else:
        yield Thing("weekly", settings.weekly_store, left="a store of its own; remove it with its own tools")
    yield from _directory("models", settings.models_place)
    yield from _directory("archive", settings.archive_place)
    yield from _directory("history", str(settings.history_dir))
    yield from _database(settings.database_url)
    for key in (settings.card_token_key_path, settings.webhooks_key_path):
        if key.exists():
            yield Thing("keys", str(key), paths=(key,))


def _directory(kind: Kind, place: str) -> Iterator[Thing]:
    if "://" in place:
        yield Thing(kind, place, left="not of this machine; remove it with its own tools")
    elif Path(place).exists():
        yield Thing(kind, place, paths=(Path(place),))


def _database(address: str) -> Iterator[Thing]:
    try:
        url = make_url(address)
    except ArgumentError:
        return
    if url.get_backend_name() != "sqlite" or not url.database:
        yield Thing(
            "database", url.render_as_string(), left="a server of its own; remove it with its own tools"
        )
        return
    file = Path(url.database)
    beside = (Path(f"{file}{ending}") for ending in BESIDE_DATABASE)
    paths = tuple(path for path in beside if path.exists())
    if paths:
        yield Thing("database", str(file), paths=paths)


def _remove(path: Path) -> None:
    """Remove a file or directory; raises SetupError for a place that holds more than ours."""
    absolute = path.absolute()
    if absolute.parent == absolute or absolute in (Path.home(), *Path.cwd().parents, Path.cwd()):
        raise SetupError(f"{path} holds more than fraudstream's files; remove them by hand")
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
