"""What all workers of a group must have in common of an event type: how records are read, and what is kept of them."""

import hashlib
from collections.abc import Mapping

from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.summary import facts_of

FREE = frozenset(
    {"label", "features", "feature_set", "treatments", "derived", "rules", "rules_mode", "ruleset_version"}
)
"""May differ for a while: a decision depends on the worker that made it, the state does not."""


FREE_IN_RELEASES = FREE - {"derived"}
"""A release has rules of its own, and names the features that it takes; what they mean must stay."""


def fingerprint(event_type: EventType, free: frozenset[str] = FREE) -> dict[str, str]:
    """Return a few characters for each key of the declaration that is not free, the same wherever it means the same."""
    return {
        key: hashlib.sha256(repr(value).encode()).hexdigest()[:8]
        for key, value in facts_of(event_type).items()
        if key not in free
    }


def differing(own: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the keys in which two declarations differ."""
    return sorted(key for key in own.keys() | other.keys() if own.get(key) != other.get(key))
