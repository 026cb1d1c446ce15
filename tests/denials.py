"""Refusing a principal one thing, and taking rights and refusals back: real rules of Kafka's authorizer."""

import time
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP
READ, WRITE = AclOperation.READ, AclOperation.WRITE
ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY


def deny(bootstrap: str, *what: Any) -> None:
    """Refuse `what`: principal, resource, name, operation."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.create_acls([_rule(AclBinding, DENY, *what)]).values():
        done.result()
    _heeded(admin, _rule(AclBindingFilter, DENY, *what), rules=1)


def allow(bootstrap: str, *what: Any) -> None:
    """Take a refusal back."""
    _taken_back(bootstrap, DENY, *what)


def withdraw(bootstrap: str, *what: Any) -> None:
    """Take a right away, as `kafka-acls --remove` does."""
    _taken_back(bootstrap, ALLOW, *what)


def _taken_back(bootstrap: str, permission: AclPermissionType, *what: Any) -> None:
    admin, rule = AdminClient({"bootstrap.servers": bootstrap}), _rule(AclBindingFilter, permission, *what)
    for done in admin.delete_acls([rule]).values():
        assert 1 == len(done.result()), f"there was no such rule: {what}"
    _heeded(admin, rule, rules=0)


def _rule(
    kind: type[Any],
    permission: AclPermissionType,
    principal: str,
    resource: ResourceType,
    name: str,
    operation: AclOperation,
) -> Any:
    """Return the rule (`AclBinding`), or what finds it (`AclBindingFilter`)."""
    return kind(resource, name, ResourcePatternType.LITERAL, principal, "*", operation, permission)


def _heeded(admin: AdminClient, rule: AclBindingFilter, rules: int) -> None:
    """Wait until the broker's authorizer applies a change; Kafka answers a moment before that."""
    while rules != len(admin.describe_acls(rule).result()):
        time.sleep(0.05)
