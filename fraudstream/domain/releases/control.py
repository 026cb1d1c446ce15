"""What the control topic says: which release has a role since which revision; and what workers take of it.

The topic is compacted, with a key for each event type and role. Records may come again, in any order, and from a topic that
was written anew: only a revision above the last one taken counts, so clocks do not matter.
"""

import json
from dataclasses import dataclass
from typing import Any

from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import NAME
from fraudstream.domain.releases.release import checked_sha256
from fraudstream.domain.releases.release_log import NOBODY, Assigned, ReleaseLog, Role


@dataclass(frozen=True, slots=True)
class Control:
    """A record of the topic."""

    event_type: str
    role: Role
    assigned: Assigned

    @property
    def key(self) -> bytes:
        """Event type and role."""
        return f"{self.event_type}/{self.role}".encode()

    @property
    def value(self) -> bytes:
        """JSON; `release` and `number` are null if nobody has the role."""
        given = self.assigned
        said = {
            "release": given.sha256,
            "number": given.release,
            "share": given.share,
            "revision": given.revision,
            "at": given.at,
            "by": given.by,
        }
        return json.dumps(said).encode()

    @classmethod
    def parsed(cls, key: bytes | None, value: bytes | None) -> "Control | None":
        """Read a record, None if it was deleted; raises SetupError if it is none."""
        if value is None:
            return None
        try:
            event_type, _, role = (key or b"").decode().rpartition("/")
            if not NAME.fullmatch(event_type):
                raise ValueError(f"{event_type[:80]!r} is not an event type")
            return cls(event_type, Role(role), _assigned(json.loads(value)))
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(
                f"a record of the control topic, key {(key or b'')[:80]!r}, is not valid ({error}); it is ignored"
            ) from error


def _assigned(said: Any) -> Assigned:
    number, sha256, share, revision = said["number"], said["release"], said["share"], said["revision"]
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        raise ValueError(f"revision {revision!r}")
    if (number is None) != (sha256 is None) or not isinstance(number, int | None):
        raise ValueError(f"number {number!r} of release {sha256!r}")
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"share {share!r}")
    return Assigned(
        number,
        None if sha256 is None else checked_sha256(sha256),
        revision,
        str(said["at"]),
        str(said["by"]),
        None if share is None else float(share),
    )


def controls(log: ReleaseLog) -> list[Control]:
    """Return all that a log says of roles, for a topic that lacks some of it or all."""
    return [
        Control(log.event_type, role, assigned) for role, assigned in log.roles().items() if assigned.revision
    ]


class Followed:
    """What was taken of the control topic, for one event type."""

    def __init__(self, event_type: str) -> None:
        self._event_type = event_type
        self.roles: dict[Role, Assigned] = dict.fromkeys(Role, NOBODY)

    def take(self, control: Control) -> bool:
        """Take a record; tell whether it is new."""
        known = self.roles[control.role]
        if control.event_type != self._event_type or control.assigned.revision <= known.revision:
            return False
        self.roles[control.role] = control.assigned
        return True

    @property
    def revision(self) -> int:
        """The highest revision taken."""
        return max(assigned.revision for assigned in self.roles.values())

    def behind(self, log: ReleaseLog) -> list[Role]:
        """Return the roles of which the topic does not say yet, or no more, what the log does."""
        return [
            role for role, assigned in log.roles().items() if assigned.revision > self.roles[role].revision
        ]
