"""Leaving the process: exit codes, and the one way a worker ends when something unexpected happened."""

import logging
import os
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_SETUP = 2
"""Settings, model or broker do not fit: a restart does not mend it."""

EXIT_UNAVAILABLE = 75
"""EX_TEMPFAIL of sysexits.h: a worker that starts finds no broker, or no space; a later start may."""

EXIT_CRASH = 70
"""EX_SOFTWARE of sysexits.h: tells the supervisor that a restart is safe and wanted."""


def crash(why: str) -> NoReturn:
    """End the process at once: no clean-up that could acknowledge or commit anything."""
    logger.critical("%s; exiting before anything is acknowledged", why, exc_info=True)
    logging.shutdown()
    os._exit(EXIT_CRASH)


def refuse(sentence: str, code: int = EXIT_SETUP) -> NoReturn:
    """End the process because of its set-up, from wherever that shows: one sentence, and what to do about it."""
    logger.critical("%s", sentence)
    logging.shutdown()
    os._exit(code)
