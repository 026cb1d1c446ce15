"""What people have made, as files, and back again: models and releases, lists, users. What is there already is never replaced."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from fraudstream import topics
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.people import People
from fraudstream.adapters.files import write_atomically
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.adapters.lists.topic import PARTITION, write, writing
from fraudstream.adapters.models.opening import model_store
from fraudstream.domain.errors import SetupError
from fraudstream.domain.lists.entries import parsed
from fraudstream.domain.people import Role
from fraudstream.settings import Settings

Kind = Literal["models", "lists", "users"]
"""Models are all model versions with their releases and drafts of rules."""

FILE_BYTES_MAX = 1 << 31
LOG = ".jsonl"
"""How the names of logs end, which say what files there are, and so come last."""
BY = "import"

Records = dict[str, str]


class ExportedUser(msgspec.Struct, frozen=True):
    """Somebody as `users.json` has them: without password and preferences."""

    name: str
    shown: str
    role: Role
    disabled: bool


async def export(settings: Settings, directory: Path, kinds: tuple[Kind, ...]) -> dict[str, int]:
    """Write files into an empty directory; return how many things of each kind. Raises SetupError if it is not empty."""
    _make_empty(directory)
    done: dict[str, int] = {}
    if "models" in kinds:
        done["models"] = _export_models(settings, directory / "models")
    if "lists" in kinds:
        records = await _list_records(settings)
        _write(directory / "lists.json", records)
        done["lists"] = len(records)
    if "users" in kinds:
        users = [
            ExportedUser(user.name, user.shown, user.role, user.disabled_at is not None)
            for user in People(opened(settings.database_url)).all()
        ]
        _write(directory / "users.json", msgspec.to_builtins(users))
        done["users"] = len(users)
    return done


async def take_over(settings: Settings, directory: Path, kinds: tuple[Kind, ...]) -> dict[str, int]:
    """Read the files of an export; return how many things of each kind are new. Raises SetupError for a file that differs."""
    done: dict[str, int] = {}
    if "models" in kinds and (directory / "models").exists():
        done["models"] = _import_models(settings, directory / "models")
    if "lists" in kinds and (directory / "lists.json").exists():
        done["lists"] = await _import_lists(settings, _read(directory / "lists.json", Records))
    if "users" in kinds and (directory / "users.json").exists():
        done["users"] = _import_users(settings, _read(directory / "users.json", list[ExportedUser]))
    if not done:
        raise SetupError(f"{directory} is no export: it has neither models nor lists.json nor users.json")
    return done


def _make_empty(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise SetupError(f"{directory} is not empty; name another directory")


def _export_models(settings: Settings, directory: Path) -> int:
    store = model_store(settings.models_place)
    names = store.names()
    for name in names:
        stored = store.read(name, FILE_BYTES_MAX)
        if stored is not None:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, stored.content)
    return len(names)


def _import_models(settings: Settings, directory: Path) -> int:
    """Write files that are not there; first all are compared, so that nothing is written if one differs."""
    store = model_store(settings.models_place)
    files = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    new = []
    for name, path in files.items():
        there = store.read(name, FILE_BYTES_MAX)
        if there is None:
            new.append(name)
        elif there.content != path.read_bytes():
            raise SetupError(
                f"{name} is in {store.place} with other content; import into a place without models"
            )
    for name in sorted(new, key=lambda name: (name.endswith(LOG), name)):
        if not store.write(name, files[name].read_bytes(), None):
            raise SetupError(f"{name} was written by somebody else meanwhile; give the command again")
    return len(new)


async def _list_records(settings: Settings) -> Records:
    """Return the newest record of each key."""
    await ensure_topics(settings)
    found: Records = {}
    async for key, content in _records(settings):
        if content:
            found[key.decode()] = content.decode()
        else:
            found.pop(key.decode(), None)
    return found


async def _records(settings: Settings) -> AsyncIterator[tuple[bytes, bytes | None]]:
    async with following(Kafka.of(settings), settings.topic(topics.LISTS.name), PARTITION + 1) as tail:
        async for records in tail.whole():
            for record in records:
                yield record.key or b"", record.value


async def _import_lists(settings: Settings, records: Records) -> int:
    there = await _list_records(settings)
    changes = [parsed(key.encode(), value.encode()) for key, value in records.items() if key not in there]
    changes.sort(key=lambda change: change.value is not None)  # a list before what is on it
    async with writing(settings) as publisher:
        async for _ in write(publisher, settings, changes):
            pass
    return len(changes)


def _import_users(settings: Settings, users: list[ExportedUser]) -> int:
    """Make users who are not there; they need an invitation, since passwords are not exported."""
    people = People(opened(settings.database_url))
    new = [user for user in users if people.find(user.name) is None]
    for user in new:
        people.create(BY, user.name, user.role, user.shown, disabled=user.disabled)
    return len(new)


def _write(path: Path, content: object) -> None:
    write_atomically(path, json.dumps(content, indent=2).encode())


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error
