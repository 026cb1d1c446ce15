"""When asking again helps, and after how long; the same for both clients."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fraudstream.client.answers import ApiError, error_of

FIRST_WAIT_S = 0.05
WAIT_MAX_S = 2.0
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses that may be others a moment later."""

DEADLINE_HEADER = "X-Deadline-Ms"


@dataclass(slots=True)
class Attempts:
    """One question, asked until it is answered or `patience_s` is over."""

    patience_s: float
    began_s: float
    number: int = 0

    @classmethod
    def within(cls, patience_s: float) -> "Attempts":
        """Begin now."""
        return cls(patience_s, time.monotonic())

    @property
    def left_s(self) -> float:
        """Return how much time there is."""
        return max(0.0, self.began_s + self.patience_s - time.monotonic())

    @property
    def headers(self) -> dict[str, str]:
        """Return how long the server may wait."""
        return {DEADLINE_HEADER: str(max(1, min(60_000, round(self.left_s * 1000))))}

    def wait_s(self, status: int, retry_after: str | None, content: bytes) -> float:
        """Return after how long to ask again; raises the error of an answer that asking again does not change.

        Waits grow and differ, so that many clients do not come back together.
        """
        if status not in AGAIN:
            raise error_of(status, content)
        wait_s: float = min(WAIT_MAX_S, FIRST_WAIT_S * 2**self.number) * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
        if retry_after is not None and retry_after.isdigit():
            wait_s = max(wait_s, float(retry_after))
        self.number += 1
        if wait_s >= self.left_s:
            raise error_of(status, content)
        return wait_s

    def unreachable(self, error: Exception) -> float:
        """Return after how long to ask a server again that did not answer; raises ApiError when time is over."""
        try:
            return self.wait_s(503, None, b"")
        except ApiError:
            raise ApiError(0, "unreachable", f"the API did not answer: {type(error).__name__}") from error


def body_of(events: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """Return the JSON of a question."""
    return msgspec.json.encode(events)


def question_of(
    event: Mapping[str, Any], features: Mapping[str, float | None] | None, release: int | None
) -> bytes:
    """Return the JSON of a what-if question."""
    asked = {"event": event, "features": dict(features or {})}
    return msgspec.json.encode(asked if release is None else asked | {"release": release})


def headers_of(key: str | None) -> dict[str, str]:
    """Return the headers of every question."""
    given = {"Content-Type": "application/json"}
    return given if key is None else given | {"Authorization": f"Bearer {key}"}
