"""Kafka rights as data: what each of our principals may do, for `fraudstream topics acl` and its test.

Kafka's authorizer refuses what no rule allows (leave `allow.everyone.if.no.acl.found` at false). So only the worker may
write the changelog, which is its state, and join its group, as long as nobody else is given these rights.
"""

from dataclasses import dataclass
from typing import Literal

from fraudstream import topics
from fraudstream.settings import Settings

Resource = Literal["topic", "group", "transactional-id"]
Operation = Literal["Read", "Write", "Create", "Alter", "Describe", "DescribeConfigs"]

ROLES = {
    "worker": "runs `fraudstream worker`",
    "producer": "sends payments and labels",
    "archiver": "runs `fraudstream archive run`",
    "reader": "reads decisions, alerts and dead letters",
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


def acls(settings: Settings, role: str) -> list[Acl]:
    """Return exactly what a role needs; every role may describe our topics, because it checks that they fit."""
    looking = [_on(name, *operations) for name in topics.all_topics(settings) for operations in [LOOK]]
    return [acl for group in (*looking, *_doing(settings, role)) for acl in group]


LOOK: tuple[Operation, ...] = ("Describe", "DescribeConfigs")


def _on(topic: str, *operations: Operation) -> list[Acl]:
    return [Acl("topic", topic, operation) for operation in operations]


def _doing(settings: Settings, role: str) -> list[list[Acl]]:
    """Return what a role does, resource by resource."""
    name = {topic.name: settings.topic(topic.name) for topic in topics.TOPICS}
    source, repartitioned = name[topics.TRANSACTIONS.name], name[topics.REPARTITIONED.name]
    labels, outputs = name[topics.LABELS.name], [topics.DECISIONS, topics.ALERTS, topics.DEAD_LETTERS]
    if role == "worker":
        return [
            _on(source, "Read"),
            _on(repartitioned, "Read", "Write"),
            _on(topics.changelog(settings).name, "Read", "Write"),
            *(_on(name[topic.name], "Write") for topic in outputs),
            _on(name[topics.DEAD_LETTERS.name], "Read"),  # to verify state: which payments were never counted
            [Acl("group", settings.app_id, "Read")],
            [Acl("group", topics.archive_group(settings), "Describe")],  # whether the archiver keeps up
            [
                Acl("transactional-id", settings.app_id, operation, prefixed=True)
                for operation in ("Write", "Describe")
            ],
        ]
    if role == "archiver":
        group = topics.archive_group(settings)
        return [_on(name[topics.DECISIONS.name], "Read"), _on(labels, "Read"), [Acl("group", group, "Read")]]
    if role == "producer":
        return [_on(source, "Write"), _on(labels, "Write")]
    if role == "reader":
        return [_on(name[topic.name], "Read") for topic in outputs]
    return [_on(topic, "Create", "Alter") for topic in topics.all_topics(settings)]
