"""Kafka rights as data: what each of our principals may do, for `fraudstream topics acl` and its test.

Kafka's authorizer refuses what no rule allows (leave `allow.everyone.if.no.acl.found` at false). So only the worker may
write the changelog, which is its state, and join its group, as long as nobody else is given these rights.
"""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from fraudstream import topics
from fraudstream.settings import Settings
from fraudstream.topics import Role

Resource = Literal["topic", "group", "transactional-id"]
Operation = Literal["Read", "Write", "Create", "Alter", "Describe", "DescribeConfigs"]

ROLES: dict[Role, str] = {
    "worker": "runs `fraudstream worker`",
    "producer": "sends payments and labels",
    "archiver": "runs `fraudstream archive run`",
    "reader": "reads decisions, alerts and dead letters",
    "operator": "changes what decides: `fraudstream releases` and `fraudstream lists`; `fraudstream dead-letters`",
    "console": "runs `fraudstream console`, which needs the rights of producer, for labels, and of operator, too",
    "admin": "makes and grows the topics",
}
"""Role -> what its principal does."""


@dataclass(frozen=True, slots=True)
class Acl:
    """One right: an operation on a resource, or on all whose names start with `name` if `prefixed`."""

    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False

    def command(self, principal: str) -> str:
        """Return the kafka-acls options that give it."""
        pattern = " --resource-pattern-type prefixed" if self.prefixed else ""
        return f"--add --allow-principal {principal} --operation {self.operation} --{self.resource} {self.name}{pattern}"


def acls(settings: Settings, role: Role) -> list[Acl]:
    """Return exactly what a role needs; every role may describe our topics, because it checks that they fit."""
    of_topics = topics.all_topics(settings).items()
    looking = [Acl("topic", name, operation) for name, _ in of_topics for operation in LOOK]
    using = [Acl("topic", name, operation) for name, topic in of_topics for operation in _uses(topic, role)]
    return [*looking, *using, *_beside_topics(settings, role)]


def commands(acls: Iterable[Acl], principal: str, bootstrap: str) -> dict[str, list[Acl]]:
    """Return kafka-acls commands that give these rights, each with those that it gives: one for all topics with the same operations."""
    operations: dict[tuple[str, str, bool], list[Acl]] = {}
    for acl in acls:
        operations.setdefault((acl.resource, acl.name, acl.prefixed), []).append(acl)
    alike: dict[tuple[object, ...], list[Acl]] = {}
    for (resource, _, prefixed), given in operations.items():
        alike.setdefault((resource, prefixed, *(acl.operation for acl in given)), []).extend(given)
    return {_command(given, principal, bootstrap): given for given in alike.values()}


def _command(acls: list[Acl], principal: str, bootstrap: str) -> str:
    words = ["kafka-acls", "--bootstrap-server", bootstrap, "--add", "--allow-principal", principal]
    for operation in dict.fromkeys(acl.operation for acl in acls):
        words += ["--operation", operation]
    for name in dict.fromkeys(acl.name for acl in acls):
        words += [f"--{acls[0].resource}", name]
    return shlex.join(words + ["--resource-pattern-type", "prefixed"] * acls[0].prefixed)


LOOK: tuple[Operation, ...] = ("Describe", "DescribeConfigs")


def _uses(topic: topics.Topic, role: Role) -> Iterator[Operation]:
    """Yield what a role does with a topic."""
    if role == "admin":
        yield from ("Create", "Alter")
    watched = (
        role == "console" and topic in topics.TOPICS
    )  # the stream can be watched, without the workers' state
    if role in topic.read_by or watched:
        yield "Read"
    if role == topic.written_by:
        yield "Write"


def _beside_topics(settings: Settings, role: Role) -> list[Acl]:
    """Return the rights of a role on groups and transactions."""
    archivers = topics.archive_group(settings)
    if role == "worker":
        return [
            Acl("group", settings.app_id, "Read"),
            Acl("group", archivers, "Describe"),  # whether the archiver keeps up
            Acl("transactional-id", settings.app_id, "Write", prefixed=True),
            Acl("transactional-id", settings.app_id, "Describe", prefixed=True),
        ]
    if role == "operator":
        resending = topics.resending(settings)
        return [
            Acl("topic", settings.topic(topics.TRANSACTIONS.name), "Write"),  # records of dead letters, again
            Acl("transactional-id", resending, "Write"),
            Acl("transactional-id", resending, "Describe"),
        ]
    if role == "console":
        behind = (settings.app_id, archivers)  # how far they are behind
        publishing = topics.console_transactions(settings)
        return [
            Acl("group", topics.console_group(settings), "Read"),
            *(Acl("group", group, "Describe") for group in behind),
            Acl("transactional-id", publishing, "Write"),
            Acl("transactional-id", publishing, "Describe"),
        ]
    return [Acl("group", archivers, "Read")] if role == "archiver" else []
