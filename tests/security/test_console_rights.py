"""A console under Kafka's authorizer: the printed rights are enough for its work, and one that is withdrawn is named."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from confluent_kafka.admin import ResourceType

from fraudstream import topics
from fraudstream.acls import Acl, Resource
from fraudstream.adapters.broker.config import HOST
from fraudstream.adapters.broker.ports import claim
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.kafka.acls import give
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.lists.topic import read
from fraudstream.console.app import Console
from fraudstream.domain.review.case import Finding
from fraudstream.settings import Settings
from fraudstream.topics import Role
from tests.commands.running import begin, fraudstream
from tests.console.intake.stage import alert, all_labels_of, close_all, labels_of, reviewed, until
from tests.console.visiting import Visitor, visitor
from tests.databases import with_tables
from tests.denials import WRITE, withdraw
from tests.shared import PATIENCE_S

Principal = Callable[..., Settings]
ROLES: tuple[Role, ...] = ("console", "producer", "operator")
"""What docs/console.md tells to give the login of a console."""


def printed(admin: Settings, role: Role) -> list[Acl]:
    """Return the rights that the commands give which `fraudstream topics acl` prints."""
    done = fraudstream(admin, "topics", "acl", role, "User:stranger")
    assert 0 == done.returncode, done.stderr
    return [_given(shlex.split(line)) for line in done.stdout.splitlines()]


def _given(words: list[str]) -> Acl:
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert ["kafka-acls", "--add", "User:stranger"] == [words[0], words[3], options["--allow-principal"]]
    (resource,) = [each for each in get_args(Resource) if f"--{each}" in options]
    prefixed = "--resource-pattern-type" in options
    return Acl(resource, options[f"--{resource}"], options["--operation"], prefixed)  # type: ignore[arg-type]  # Kafka says if it is none


async def give_printed(admin: Settings, *roles: Role) -> None:
    """Give the login of the console what is printed for these roles, and nothing else."""
    async with administration(Kafka.of(admin)) as client:
        for role in roles:
            await give(client, "User:stranger", await asyncio.to_thread(printed, admin, role))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run a console; yield who asks it, once it answers. Whatever it logs is no traceback."""
    with begin(settings, "console") as process:
        try:
            address = f"http://{settings.console_host}:{settings.console_port}"
            async with httpx.AsyncClient(base_url=address) as http, asyncio.timeout(PATIENCE_S):
                while not await _answers(http):
                    assert process.poll() is None
                    await asyncio.sleep(0.2)
                yield http
        finally:
            process.terminate()
            said, _ = await asyncio.to_thread(process.communicate)
    assert "Traceback" not in said, said


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/login")).status_code == 200
    except httpx.TransportError:
        return False


async def health(http: httpx.AsyncClient, *, well: bool) -> Mapping[str, Any]:
    """Return what health says, as soon as the console is well, or not."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await http.get("/health")
            if answer.is_success is well:
                return dict(answer.json())
            await asyncio.sleep(0.2)


@pytest.fixture
def console(principal: Principal, rights: Settings, tmp_path: Path) -> Console:
    """Return the console in this process, whose login has no right yet; another process serves it, with the same database."""
    url = with_tables(f"sqlite:///{tmp_path / 'console.db'}")
    (port,) = claim(0)
    settings = principal("stranger", database=url, console_host=HOST, console_port=port)
    return Console(settings, opened(url), ())


def cookies_of(who: Visitor) -> dict[str, str]:
    """Return the cookies of somebody who is logged in."""
    return {who.console.access.cookie: who.secret}


async def test_the_printed_rights_are_enough_for_a_console(console: Console, rights: Settings) -> None:
    """It opens cases, publishes cases and labels, follows and changes lists, and shows topics; and all of it is well."""
    await give_printed(rights, *ROLES)
    who, store = visitor(console, "admin"), CaseStore(console.engine)
    await alert(rights, ("t1", "card1"), ("t2", "card2"))
    async with running(console.settings) as http:
        await until(lambda: len(reviewed(store)) == 2)
        closed = await asyncio.to_thread(close_all, store, Finding.FRAUD)
        form = {"csrf": who.csrf, "name": "deny", "kind": "text", "purpose": "deny", "why": "a test"}
        made = await http.post("/lists/create", data=form, cookies=cookies_of(who))
        await labels_of(rights, at_least=2)
        pages = {
            path: (await http.get(path, cookies=cookies_of(who))).status_code
            for path in ("/lists/deny", "/stream/topics", "/stream/dead-letters", "/releases", "/cases")
        }
        said = await health(http, well=True)

    assert 303 == made.status_code
    assert {"deny"} == (await read(rights)).listings.keys()
    assert sorted(closed) == sorted(label["transaction_id"] for label in await all_labels_of(rights))
    assert {200} == set(pages.values()), pages
    assert [] == said["problems"]


async def test_a_console_without_the_right_to_its_transactions_says_so_until_it_is_given_back(
    console: Console, rights: Settings
) -> None:
    """In one sentence of its health, while its pages go on; then what was decided meanwhile is published, once."""
    await give_printed(rights, *ROLES)
    store = CaseStore(console.engine)
    transactions = topics.console_transactions(rights)
    right = ("User:stranger", ResourceType.TRANSACTIONAL_ID, transactions, WRITE)
    await alert(rights, ("t1", "card1"))
    async with running(console.settings) as http:
        await until(lambda: len(reviewed(store)) == 1)
        await health(http, well=True)
        await asyncio.to_thread(withdraw, rights.broker, *right)
        await asyncio.to_thread(close_all, store, Finding.FRAUD)
        while f"begin transactions of {transactions}" not in "".join(  # noqa: ASYNC110
            (await health(http, well=False))["problems"]
        ):
            await asyncio.sleep(0.2)
        (problem,) = (await health(http, well=False))["problems"]
        answers = await http.get("/login")
        nothing = await labels_of(rights)
        await give_printed(rights, "console")
        labels = await labels_of(rights, at_least=1)
        await health(http, well=True)

    assert problem.startswith("reading alerts cannot do its work: not authorised by Kafka to ")
    assert f"begin transactions of {transactions}" in problem
    assert problem.endswith("; grant rights with: fraudstream topics acl")
    assert 200 == answers.status_code
    assert ([], ["t1"]) == (nothing, [label["transaction_id"] for label in labels])
