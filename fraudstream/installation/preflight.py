"""Looks at each step that must be done before workers decide, in the order in which they are done; changes nothing."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import administration, existing_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.loading import load
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.weekly.stores import online_store
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.releases.release_log import Role
from fraudstream.domain.weekly import day_of, midnight_before
from fraudstream.installation.rights import rights
from fraudstream.installation.steps import State, Step
from fraudstream.settings import Settings
from fraudstream.topics import Role as Whose
from fraudstream.topics import all_topics

Look = Callable[[Settings], Awaitable[Step | list[Step]]]


async def event_type(settings: Settings) -> Step:
    """Look at the event type."""
    found = event_type_named(settings.event_type)
    return Step("event type", State.OK, f"{found.name}, {len(found.variables)} variables")


async def token_keys(settings: Settings) -> Step:
    """Look at the keys of tokens, without making one."""
    if event_type_named(settings.event_type).entity is None:
        return Step("token keys", State.OK, "events of this type have no entity")
    if settings.has_card_token_keys:
        return Step("token keys", State.OK, f"the newest has the number {settings.tokenizer().number}")
    path = settings.card_token_key_path
    if settings.card_token_key_file is None:
        return Step(
            "token keys", State.LATER, f"{path} is not there; the first command that needs it makes it"
        )
    return Step("token keys", State.MISSING, f"{path} is not there", f"openssl rand -hex 32 > {path}")


async def broker(settings: Settings) -> Step:
    """Connect to the brokers."""
    kafka = Kafka.of(settings)
    async with administration(kafka):
        return Step("broker", State.OK, f"{kafka.bootstrap} answers")


async def topics(settings: Settings) -> Step:
    """Look which topics there are."""
    wanted = all_topics(settings)
    async with administration(Kafka.of(settings)) as admin:
        found = await existing_topics(admin, wanted)
    missing = [name for name in wanted if name not in found]
    few = [name for name, topic in found.items() if topic.partitions < settings.partitions]
    if missing:
        return Step(
            "topics",
            State.MISSING,
            f"not there, or no right to see them: {', '.join(missing)}",
            "fraudstream topics create",
        )
    if few:
        told = f"fewer than {settings.partitions} partitions: {', '.join(few)}"
        return Step("topics", State.MISSING, told, "fraudstream topics grow")
    return Step("topics", State.OK, f"{len(found)}, all there")


async def weekly_aggregates(settings: Settings) -> Step:
    """Ask the weekly store for its newest night."""
    name = "weekly aggregates"
    if event_type_named(settings.event_type).entity is None:
        return Step(name, State.OK, "events of this type have no entity")
    store = online_store(settings)
    await store.connect()
    try:
        midnight = midnight_before(time.time_ns() // 1_000_000)
        newest = await store.newest(midnight)
    finally:
        await store.close()
    command = "fraudstream aggregate" if settings.weekly_store == "snapshot" else "fraudstream store load"
    if newest is None:
        return Step(name, State.LATER, "none; decisions are marked weekly-missing", command)
    if newest < midnight:
        return Step(
            name,
            State.LATER,
            f"the newest are of {day_of(newest)}; decisions are marked weekly-stale",
            command,
        )
    return Step(name, State.OK, f"as of {day_of(newest)}")


async def model(settings: Settings) -> Step:
    """Load the model that workers begin with."""
    registry = Registry.of(settings)
    version = registry.resolve(settings.model)
    loaded = load_model(registry, str(version))
    return Step("model", State.OK, f"{loaded.version}, {len(loaded.features)} features")


async def release(settings: Settings) -> Step:
    """Load the active release with every check that workers make."""
    declared, releases = event_type_named(settings.event_type), Releases.of(settings)
    log = releases.log()
    number = log.roles()[Role.CHAMPION].release
    if number is None:
        return Step(
            "release",
            State.LATER,
            "none is active: workers decide by the model",
            "fraudstream releases draft",
        )
    loaded = load(releases, log.sha256_of(number), declared)
    return Step(
        "release",
        State.OK,
        f"{number}, model {loaded.release.model_version}, {len(loaded.detector.ruleset.rules)} rules",
    )


async def archive(settings: Settings) -> Step:
    """Look for decisions in the archive."""
    async with object_store(settings.archive_place) as objects:
        files = await Lake(objects).files()
    if not files:
        return Step("archive", State.LATER, f"nothing in {settings.archive_place}", "fraudstream archive run")
    return Step("archive", State.OK, f"{len(files):,} files in {settings.archive_place}")


async def database(settings: Settings) -> Step:
    """Open the database, if it is there."""
    if file := _missing_file(settings.database_url):
        return Step("database", State.LATER, f"{file} is not there; what needs it makes it")
    keys = len(ApiKeys(opened(settings.database_url)).all())
    return Step("database", State.OK, f"answers, its tables are up to date, {keys} API keys")


def _missing_file(address: str) -> str:
    """Return the file of a database that is not made yet; empty for any other, and for what is no address: opening it says so."""
    try:
        url = make_url(address)
    except ArgumentError:
        return ""
    file = (url.database or "") if url.get_backend_name() == "sqlite" else ""
    return "" if Path(file).exists() else file


MENDED_BY = {
    "event type": "fraudstream event-types list",
    "broker": "fraudstream broker start",
    "topics": "fraudstream topics create",
    "weekly aggregates": "fraudstream aggregate",
    "model": "fraudstream train",
    "release": "fraudstream releases list",
    "archive": "fraudstream archive run",
}
"""What to try where looking ends with an error."""

BEFORE_RIGHTS: dict[str, Look] = {
    "event type": event_type,
    "token keys": token_keys,
    "broker": broker,
    "topics": topics,
}
AFTER_RIGHTS: dict[str, Look] = {
    "weekly aggregates": weekly_aggregates,
    "model": model,
    "release": release,
    "archive": archive,
    "database": database,
}
"""In the order in which they are done."""


async def looked(settings: Settings, roles: Sequence[Whose]) -> list[Step]:
    """Return how every step stands; one that fails does not hide the others. `roles`: what the login in the settings is for."""
    of_roles: list[tuple[str, Look]] = [("rights", partial(rights, role=role)) for role in roles]
    looks = [*BEFORE_RIGHTS.items(), *of_roles, *AFTER_RIGHTS.items()]
    return [step for name, look in looks for step in await _looked(name, look, settings)]


async def _looked(name: str, look: Look, settings: Settings) -> list[Step]:
    try:
        found = await look(settings)
    except FraudstreamError as error:
        state = State.AWAY if error.later else State.MISSING
        return [Step(name, state, str(error), MENDED_BY.get(name, ""))]
    return [found] if isinstance(found, Step) else found
