"""What a worker says of releases on the topic `releases-applied`: which it runs, and which it refused and why."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.release_log import Role

Result = Literal["applied", "refused"]


@dataclass(frozen=True, slots=True)
class Applied:
    """A worker's answer to a revision."""

    worker: str
    event_type: str
    role: Role
    release: int | None
    """None: nobody has the role."""
    sha256: str | None
    revision: int
    result: Result
    reason: str
    """Which check it failed, and why; empty if it was applied."""
    at: str
    fraudstream: str
    """The worker's version of it."""

    @property
    def key(self) -> bytes:
        """The worker."""
        return self.worker.encode()

    @property
    def value(self) -> bytes:
        """JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parsed(cls, value: bytes) -> "Applied":
        """Read a record; raises SetupError if it is none."""
        try:
            said: Mapping[str, Any] = json.loads(value)
            return cls(**{**said, "role": Role(said["role"])})
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(f"a record of releases-applied is not valid ({error})") from error
