"""Who may ask, and how much."""

import asyncio
import math
import time
from dataclasses import dataclass

from starlette.requests import Request

from fraudstream.adapters.database.api_keys import ApiKey, ApiKeys, parts_of

BELIEVED_S = 10.0
"""How long what the database said of a key is believed: so long a revoked one may still work."""

KEYS_MAX = 10_000
"""Keys remembered; also unknown ones, so that guessing does not ask the database every time."""

BURST_S = 2.0
"""How many seconds' worth of events may come at once."""


class NotAllowed(Exception):
    """A request without the right to do what it asks; `status` 401 or 403."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class TooMany(Exception):
    """More events than a key may send; may come again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("this key sends more events than it may")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class Allowance:
    """How many events a key may still send now."""

    events: float
    at_s: float

    def take(self, events: int, per_s: float, now_s: float) -> None:
        """Use some of it; raises TooMany. A request larger than the burst is let through when the allowance is full."""
        full = per_s * BURST_S
        self.events = min(full, self.events + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        wanted = min(events, full)
        if self.events < wanted:
            raise TooMany(math.ceil((wanted - self.events) / per_s))
        self.events -= events


class Access:
    """Checks keys; None for `keys` lets everybody in."""

    def __init__(self, keys: ApiKeys | None) -> None:
        self._keys = keys
        self._known: dict[str, tuple[ApiKey | None, float]] = {}
        self._allowances: dict[str, Allowance] = {}

    @property
    def needs_keys(self) -> bool:
        """Whether requests need a key."""
        return self._keys is not None

    async def allow(self, authorization: str | None, scope: str) -> ApiKey | None:
        """Return the key of a request; raises NotAllowed. None if none is needed."""
        if self._keys is None:
            return None
        scheme, _, text = (authorization or "").partition(" ")
        parts = parts_of(text.strip())
        if scheme.lower() != "bearer" or parts is None:
            raise NotAllowed(
                401, "send a key: Authorization: Bearer fsk_…; make one with: fraudstream api-keys create"
            )
        key = await self._found(self._keys, parts[0])
        if key is None or not key.fits(parts[1]):
            raise NotAllowed(401, "this key is not known")
        if ended := key.ended(time.time_ns() // 1_000_000):
            raise NotAllowed(401, ended)
        if scope not in key.scopes:
            raise NotAllowed(403, f"this key is for {', '.join(sorted(key.scopes))}, not for {scope}")
        return key

    def take(self, key: ApiKey | None, events: int) -> None:
        """Count events against the limit of a key; raises TooMany."""
        if key is None or key.events_per_s is None:
            return
        now_s = time.monotonic()
        allowance = self._allowances.setdefault(key.id, Allowance(key.events_per_s * BURST_S, now_s))
        allowance.take(events, key.events_per_s, now_s)

    async def _found(self, keys: ApiKeys, key_id: str) -> ApiKey | None:
        """Ask the database in a thread, now and then."""
        key, until_s = self._known.get(key_id, (None, 0.0))
        if time.monotonic() > until_s:
            key = await asyncio.to_thread(keys.find, key_id)
            if len(self._known) >= KEYS_MAX:
                self._known.clear()
            self._known[key_id] = key, time.monotonic() + BELIEVED_S
        return key


def note(request: Request, key: ApiKey | None) -> None:
    """Let the log of requests say whose key it was."""
    request.state.who = key.name if key else "-"
