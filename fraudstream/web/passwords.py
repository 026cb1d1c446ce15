"""Checks passwords so that who guesses uses up nothing of those who know: not their turn, not the worker's processor.

Guesses are rationed by name and by address. A name that was right from an address keeps a place there, so no stranger
keeps it out. A name that nobody has is treated as any other, at no cost: how long an answer takes does not tell them apart.
"""

import asyncio
import hmac
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fraudstream.adapters.password_files import password_fits
from fraudstream.web.turns import Crowded, Turns

WRONG_S = 1.0
"""A wrong password is answered after this long, and until then nobody else's for that name is looked at."""

PAUSE_S = 0.25
"""After scrypt said no, it is not asked again for this long: payments have the processor, not who guesses."""

NAME_EACH_MAX = 4
"""How many guesses of one address at one name wait; a page asks for its parts over some connections at once."""

NAME_MAX = 24
ADDRESS_MAX = 48
"""How many guesses wait: at one name, of one address."""

PLACES_MAX = 64
"""How many addresses a name keeps a place for: those it was right from last."""

SLIPS = 100
SLIP_S = 1.0
"""How many wrong passwords cost a place its right to an answer without a turn, and after how long one is forgotten."""


@dataclass(slots=True)
class Place:
    """An address from which a name was right."""

    slips: float = 0.0
    at_s: float = 0.0

    def trusted(self, now_s: float) -> bool:
        """Tell whether a right password is known at once here."""
        self.slips = max(0.0, self.slips - (now_s - self.at_s) / SLIP_S)
        self.at_s = now_s
        return self.slips < SLIPS


class Passwords:
    """Judges names and passwords; one per worker, on the worker's event loop."""

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
        # One thread of its own: look-ups and state use the loop's.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="password")

    async def fit(self, name: str, password: str, address: str) -> bool:
        """Judge a password that came from an address; raises Crowded. Cancelled before its turn, it is not judged."""
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
        """Judge whose turn it is. A wrong password keeps the turn for WRONG_S, also if whoever sent it has gone."""
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
        """Ask scrypt, once a user and process: from then on the HMAC says it."""
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
