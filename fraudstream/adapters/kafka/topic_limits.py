"""Limits of topics: how large a record batch may be, and whether they can be written at all."""

from collections.abc import Mapping
from typing import NamedTuple

from fraudstream.domain.errors import SetupError

RECORD_BYTES_MIN = 4096
"""A topic with a lower limit is refused at the start: decisions and dead letters might not fit."""


class Limit(NamedTuple):
    """The most bytes of a record batch, and the configuration that sets it."""

    bytes_max: int
    said_by: str


def limit_in(config: Mapping[str, str]) -> Limit:
    """Return the tighter of a topic's two limits.

    >>> limit_in({"max.message.bytes": "131072", "segment.bytes": "1073741824"})
    Limit(bytes_max=131072, said_by='max.message.bytes=131072')
    """
    name = min(("max.message.bytes", "segment.bytes"), key=lambda name: int(config[name]))
    return Limit(int(config[name]), f"{name}={config[name]}")


def require_writable(topic: str, replicas: int, config: Mapping[str, str]) -> None:
    """Raise SetupError if every write to a topic would be refused, whatever it holds."""
    wanted = int(config["min.insync.replicas"])
    if wanted > replicas:
        raise SetupError(
            f"nothing can be written to topic {topic}: min.insync.replicas={wanted}, but it has {replicas} "
            f"replicas; {alter(topic, f'min.insync.replicas={replicas}')}, or give it more replicas"
        )
    limit = limit_in(config)
    if limit.bytes_max < RECORD_BYTES_MIN:
        raise SetupError(
            f"topic {topic} accepts at most {limit.bytes_max} bytes ({limit.said_by}), but a record may have "
            f"{RECORD_BYTES_MIN}; {raised(topic, limit)}"
        )


def raised(topic: str, limit: Limit) -> str:
    """Say how to raise a limit."""
    name = limit.said_by.partition("=")[0]
    return alter(
        topic, f"{name}={max(2 * limit.bytes_max, 1 << 30 if name == 'segment.bytes' else 1_048_588)}"
    )


def why_too_large(topic: str, size: int, limit: Limit) -> tuple[str, str]:
    """Say that a record is too large for its topic, and what would help."""
    return f"a record of {size} bytes is larger than topic {topic} accepts ({limit.said_by})", raised(
        topic, limit
    )


def described(topic: str) -> str:
    """Say how to see a topic's configuration: the broker's answer does not name what refuses a record."""
    return f"see its cleanup.policy and message.timestamp settings with: fraudstream topics describe {topic}"


def alter(topic: str, config: str) -> str:
    """Say how to change a topic's configuration."""
    return f"change it with: kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {config}"
