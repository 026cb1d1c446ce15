"""Ending the process: exit codes, and the one way a worker ends when something unexpected happens."""

import errno
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

EXIT_SETUP = 2
"""Settings, model or broker do not fit: a restart does not help."""

EXIT_UNAVAILABLE = 75
"""EX_TEMPFAIL of sysexits.h: no broker or store answers, no space, no memory, no file handles; a later start may find them."""

EXIT_CRASH = 70
"""EX_SOFTWARE of sysexits.h: tells the supervisor that a restart is safe and wanted."""

LEAVING_S = 10.0
"""How long a process may take to end in order once it is told to; systemd and Kubernetes kill it after 30."""


EXIT_CODES = {
    0: ("done, or stopped on request", "nothing"),
    1: (
        "it ran, with a negative result: something differs, nothing was found, or not everything was sent",
        "read its output",
    ),
    EXIT_SETUP: (
        "wrong usage, settings, input, model, topics or rights; also a broker, store or archive that refuses access",
        "correct it as the message says; until then every start ends the same way",
    ),
    EXIT_CRASH: ("a worker crashed before it acknowledged", "start it again"),
    EXIT_UNAVAILABLE: (
        "no broker, store or archive answers, a clock is wrong, or disk space, memory or file handles are used up",
        "start it again",
    ),
    130: ("ended by Ctrl-C", "nothing"),
}
"""Every exit code of every command -> what it means, and what to do; a signal is like 70."""

FINAL = frozenset({0, EXIT_SETUP})
"""A supervisor restarts a worker after all codes but these."""

SCARCE = {
    errno.ENOSPC: "no space is left on the disk; make room",
    errno.EDQUOT: "the disk quota is used up; raise it or make room",
    errno.EFBIG: "a file has reached the limit of file sizes; raise it (ulimit -f, LimitFSIZE)",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n, LimitNOFILE)",
    errno.ENFILE: "too many files are open on this machine; raise fs.file-max",
    errno.ENOMEM: "no memory is left; give the process more memory, or less work",
}
"""What a machine may run out of -> what to do. Not a set-up error: the next start may find it again."""


def scarce(error: BaseException | None) -> str | None:
    """Say what the machine ran out of if that caused the error, else None.

    RocksDB tells it only in its error's text.

    >>> scarce(OSError(errno.EMFILE, "Too many open files"))
    'too many files are open; raise the limit (ulimit -n, LimitNOFILE)'
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        number = error.errno if isinstance(error, OSError) else None
        if isinstance(error, MemoryError):
            number = errno.ENOMEM
        text = str(error)
        for known, sentence in SCARCE.items():
            if number == known or os.strerror(known) in text:
                return sentence
        error = error.__cause__ or error.__context__
    return None


def exit_code(error: FraudstreamError) -> int:
    """Return an error's exit code: EXIT_UNAVAILABLE if it may pass by itself, else EXIT_SETUP."""
    return EXIT_UNAVAILABLE if error.later or scarce(error) else EXIT_SETUP


def crash(why: str) -> NoReturn:
    """End the process at once: no clean-up that could acknowledge or commit anything."""
    logger.critical(
        "%s; exiting before anything is acknowledged", why, exc_info=sys.exc_info()[0] is not None
    )
    logging.shutdown()
    os._exit(EXIT_CRASH)


def refuse(sentence: str, code: int = EXIT_SETUP) -> NoReturn:
    """Log one sentence with the remedy and end the process at once, by default with the set-up code."""
    logger.critical("%s", sentence)
    logging.shutdown()
    os._exit(code)


def end_soon(code: Callable[[], int] = lambda: 0) -> None:
    """Give the process `LEAVING_S` to end in order; after that end it, whatever it waits for.

    That acknowledges nothing, so the next start repeats what is not finished. The timer is a thread, because the event loop
    may be blocked. `code` is called at the end.
    """

    def end() -> None:
        logger.warning(
            "still waiting for a broker or a store %.0f s after the request to stop; ending now: nothing is lost, the next "
            "start repeats what was not committed",
            LEAVING_S,
        )
        logging.shutdown()
        os._exit(code())

    clock = threading.Timer(LEAVING_S, end)
    clock.daemon = True
    clock.start()
