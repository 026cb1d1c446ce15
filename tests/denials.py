"""Refusing a principal one thing that its rights allow, and taking that back: real rules of Kafka's authorizer."""

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


def denial(
    kind: type[Any], principal: str, resource: ResourceType, name: str, operation: AclOperation
) -> Any:
    """Return the rule (`AclBinding`), or what finds it (`AclBindingFilter`)."""
    return kind(
        resource, name, ResourcePatternType.LITERAL, principal, "*", operation, AclPermissionType.DENY
    )


def deny(bootstrap: str, *what: Any) -> None:
    """Refuse `what`: principal, resource, name, operation."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.create_acls([denial(AclBinding, *what)]).values():
        done.result()


def allow(bootstrap: str, *what: Any) -> None:
    """Take a refusal back."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.delete_acls([denial(AclBindingFilter, *what)]).values():
        done.result()
