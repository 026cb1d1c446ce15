"""Watches canaries for as long as a console runs: a canary that hits a guardrail is stopped though nobody runs `releases guard`.

Of several consoles one watches, by a lease in the database.
"""

import asyncio
import os
import secrets
import socket

from fraudstream.adapters.database.leases import Leases
from fraudstream.adapters.releases import changing, entries
from fraudstream.adapters.releases.guarding import Judged, guarded
from fraudstream.adapters.releases.store import Releases
from fraudstream.console.app import Console
from fraudstream.console.releases.workshop import Workshop
from fraudstream.domain.releases.guardrails import Limits
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import Role

NAME = "guard-canaries"
WHO = "guard"
"""Of its entries in the log and the audit trail."""
HELD_MS = 20_000
RENEWED_S = 5.0
LOOK_S = 5.0
"""How often it looks whether there is a canary, or whether the lease is free."""


class Guard:
    """One console's. It has the usual limits; `fraudstream releases guard` may have others beside it."""

    def __init__(self, console: Console, workshop: Workshop, limits: Limits | None = None) -> None:
        self._console, self._workshop = console, workshop
        self._limits = limits or Limits()
        holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._leases = Leases(console.engine, holder)

    async def run(self) -> None:
        """Run until it is cancelled; raises FraudstreamError."""
        try:
            while True:
                if not await self._held() or not await asyncio.to_thread(self._has_canary):
                    await asyncio.sleep(LOOK_S)
                    continue
                judged = await self._watched()
                if judged is not None and judged.why:
                    await self._stop(judged)
        finally:
            await asyncio.to_thread(self._leases.give_back, NAME)

    async def _watched(self) -> Judged | None:
        """Watch the canary until it is judged, ends, or another console has the lease."""
        watching = asyncio.create_task(guarded(self._console.settings, self._releases, self._limits, None))
        try:
            while not watching.done():
                await asyncio.wait([watching], timeout=RENEWED_S)
                if not await self._held():
                    return None
            return watching.result()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _stop(self, judged: Judged) -> None:
        number = judged.canary.release
        assert number is not None
        store, before = self._releases, (await asyncio.to_thread(self._releases.log)).revision
        wanted = entries.stopped_by_guardrail(store, number, judged.why)
        log = await changing.changed(self._console.settings, store, wanted)
        if log.revision > before:
            details = {"why": judged.why, "revision": log.revision}
            subject = name_of(log.event_type, number)
            await asyncio.to_thread(self._console.audit, WHO, "release.stop", subject, details)

    @property
    def _releases(self) -> Releases:
        return self._workshop.releases(WHO)

    def _has_canary(self) -> bool:
        return self._releases.log().roles()[Role.CANARY].release is not None

    async def _held(self) -> bool:
        return await asyncio.to_thread(self._leases.take, NAME, HELD_MS)
