"""Checks passwords: a few at a time, each name locked after failures, whether it exists or not."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fraudstream.adapters.database.login_failures import LoginFailures
from fraudstream.adapters.database.people import User
from fraudstream.adapters.secrets import argon
from fraudstream.console.app import Console

AT_ONCE = 2
"""So many passwords are checked at the same time, 64 MiB each."""

WAITING_MAX = 64
"""So many more may wait for it; others are told to come again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a login was not accepted; `status` of the page that says so."""

    status: int
    sentence: str
    result: str
    """What metrics count it as."""


WRONG = Refused(403, "The name or the password is wrong.", "wrong")
BUSY = Refused(503, "Too many people log in at this moment; try again in a few seconds.", "busy")


class Passwords:
    """Checks names and passwords of one console."""

    def __init__(self, console: Console) -> None:
        self._people = console.people
        self._failures = LoginFailures(console.engine)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._waiting = 0

    async def check(self, name: str, password: str) -> User | Refused:
        """Return whose password it is, or why nobody is let in; raises DatabaseUnavailable."""
        if self._waiting >= WAITING_MAX:
            return BUSY
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._check, name, password
            )
        finally:
            self._waiting -= 1

    async def hashed(self, password: str) -> str:
        """Return the hash of a new password; raises SetupError if it is too short or too long."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, argon.hashed, password)

    def _check(self, name: str, password: str) -> User | Refused:
        if locked_ms := self._failures.attempt(name):
            wait_s = -(-locked_ms // 1000)
            return Refused(
                429,
                f"Too many wrong passwords in a row; this name can be tried again in {wait_s} s.",
                "locked",
            )
        user = self._people.find(name)
        if not argon.fits(password, user.password_hash if user else None) or user is None:
            return WRONG
        if user.disabled_at is not None:
            return WRONG
        self._failures.forget(name)
        return user
