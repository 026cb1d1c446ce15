"""The demo's part for people: an archive that is written, and the console with somebody who can log in."""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path

import aiohttp

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.people import People
from fraudstream.adapters.secrets import argon
from fraudstream.demo.screen import Screen
from fraudstream.domain.people import Role
from fraudstream.process.children import started

NAME = "demo"
BY = "the demo"
PASSWORD_BYTES = 9
ARCHIVE_EVERY_S = 5
POLL_S = 0.2


async def serve_people(environment: dict[str, str], data_dir: Path, port: int, screen: Screen) -> None:
    """Archive and serve the console until it is cancelled, or one of them ends: raises ChildFailed then."""
    database = f"sqlite:///{data_dir / 'fraudstream.db'}"
    screen.running("console", "making somebody who can log in")
    password = await asyncio.to_thread(_user, database)
    given = environment | {
        "FRAUDSTREAM_DATABASE": database,
        "FRAUDSTREAM_CONSOLE_PORT": str(port),
        "FRAUDSTREAM_ARCHIVE_INTERVAL_S": str(ARCHIVE_EVERY_S),
    }
    screen.running("console", "fraudstream console")
    async with (
        started(["archive", "run"], given, data_dir / "archive.log") as archive,
        started(["console"], given, data_dir / "console.log") as console,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(archive.watch())
        group.create_task(console.watch())
        address = f"http://127.0.0.1:{port}"
        await _until_served(address)
        screen.done("console", f"{address}  {NAME} / {password}")


def _user(database: str) -> str:
    """Give the demo's user a new password, which is not kept anywhere; return it."""
    engine = opened(database)
    people, password = People(engine), secrets.token_urlsafe(PASSWORD_BYTES)
    hashed = argon.hashed(password)
    if people.find(NAME) is None:
        people.create(BY, NAME, Role.ADMIN, password_hash=hashed)
    else:
        people.set_password(BY, NAME, hashed)
    engine.dispose()
    return password


async def _until_served(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{address}/login") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(POLL_S)
