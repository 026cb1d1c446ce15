"""Checks passwords so that guessing neither delays people who know theirs nor costs the worker much processor time.

Guesses are limited by name and by address. An address from which a name was right keeps a place, so that strangers cannot
lock it out. An unknown name takes as long as a known one, without the work: the time of an answer does not tell them apart.
"""

import asyncio
import hmac
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fraudstream.adapters.secrets.password_files import password_fits
from fraudstream.web.turns import Crowded, Turns

WRONG_S = 1.0
"""A wrong password is answered after this long; until then no other password for that name is checked."""

PAUSE_S = 0.25
"""After a wrong password scrypt pauses for this long, which leaves the processor to payments."""

NAME_EACH_MAX = 4
"""How many checks of one name may wait from one address; a page requests its parts over several connections."""

NAME_MAX = 24
ADDRESS_MAX = 48
"""How many checks may wait for one name, and how many from one address may be in progress."""

PLACES_MAX = 64
"""How many addresses keep a place for a name: those from which it was right last."""

SLIPS = 100
SLIP_S = 1.0
"""After this many wrong passwords a place has to wait for its turn again; one is forgotten every SLIP_S."""


@dataclass(slots=True)
class Place:
    """An address from which a name was right."""

    slips: float = 0.0
    at_s: float = 0.0

    def trusted(self, now_s: float) -> bool:
        """Tell whether a right password is accepted here without waiting for a turn."""
        self.slips = max(0.0, self.slips - (now_s - self.at_s) / SLIP_S)
        self.at_s = now_s
        return self.slips < SLIPS


class Passwords:
    """Checks names and passwords; one per worker, on the worker's event loop."""

    def __init__(self, users: Mapping[str, str], fits: Callable[[str, str], bool] = password_fits) -> None:
        self._users = users
        self._fits = fits
        self._key = secrets.token_bytes(32)
        self._known: dict[str, bytes] = {}  # name -> HMAC of its password
        self._places: dict[str, OrderedDict[str, Place]] = {}  # name -> address -> place
        self._names: dict[str, Turns] = {}  # only of those that are being guessed at
        self._addresses: Counter[str] = Counter()
        self._one_by_one = asyncio.Lock()
        self._rested_s = 0.0
        # A thread of its own: look-ups and state use the loop's threads.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password")

    async def fit(self, name: str, password: str, address: str) -> bool:
        """Check a password that came from an address; raises Crowded. If cancelled before its turn, it is not checked."""
        digest = hmac.digest(self._key, f"{name}:{password}".encode(), "sha256")
        place = self._places[name].get(address) if name in self._places else None
        if place is not None and place.trusted(time.monotonic()):
            if hmac.compare_digest(self._known[name], digest):
                self._keep_place(name, address)
                return True
            place.slips += 1
        if place is None and self._addresses[address] >= ADDRESS_MAX:
            raise Crowded
        turns = self._names.setdefault(name, Turns(1, NAME_EACH_MAX, NAME_MAX))
        try:
            await turns.enter(address, reserved=place is not None)
        except asyncio.CancelledError:
            self._drop_if_idle(name)
            raise
        return await self._judge(name, password, digest, address)

    async def _judge(self, name: str, password: str, digest: bytes, address: str) -> bool:
        """Check the password whose turn it is. A wrong one keeps the turn for WRONG_S, even if its sender has gone."""
        loop = asyncio.get_running_loop()
        self._addresses[address] += 1
        until_s = 0.0
        try:
            async with self._one_by_one:
                until_s = loop.time() + WRONG_S
                right = await self._right(name, password, digest)
            if right:
                until_s = 0.0
                self._known[name] = digest
                self._keep_place(name, address)
            else:
                await asyncio.sleep(until_s - loop.time())
            return right
        finally:
            loop.call_at(until_s, self._end_turn, name, address)

    async def _right(self, name: str, password: str, digest: bytes) -> bool:
        """Compare with scrypt until a user's password was right once; from then on with its HMAC."""
        known = self._known.get(name)
        if known is not None:
            return hmac.compare_digest(known, digest)
        hashed = self._users.get(name)
        if hashed is None:
            return False
        await asyncio.sleep(self._rested_s - time.monotonic())
        right = False
        try:
            run = asyncio.get_running_loop().run_in_executor
            right = await run(self._thread, self._fits, password, hashed)
        finally:
            self._rested_s = time.monotonic() + (0.0 if right else PAUSE_S)
        return right

    def _end_turn(self, name: str, address: str) -> None:
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        self._names[name].leave(address)
        self._drop_if_idle(name)

    def _drop_if_idle(self, name: str) -> None:
        if name in self._names and self._names[name].idle:
            del self._names[name]

    def _keep_place(self, name: str, address: str) -> None:
        places = self._places.setdefault(name, OrderedDict())
        places.setdefault(address, Place())
        places.move_to_end(address)
        if len(places) > PLACES_MAX:
            places.popitem(last=False)
