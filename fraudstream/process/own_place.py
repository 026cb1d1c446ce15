"""What two workers on one host must not share: the port of their pages and their state directory."""

import errno
import fcntl
import os
import socket
from pathlib import Path

from fraudstream.process.exits import EXIT_SETUP, EXIT_UNAVAILABLE, refuse, scarce

LOCK_NAME = "worker.lock"


def require_free_port(host: str, port: int) -> None:
    """End the process if the port cannot be listened on (exit code 75 if file handles ran out, else 2)."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            refuse(
                f"port {port} of {host} is in use, perhaps by another worker; set FRAUDSTREAM_WEB_PORT=0, which picks a free "
                "one, or another number"
            )
        refuse(
            f"the pages cannot be served at {host}, port {port} ({error.strerror}); set FRAUDSTREAM_WEB_HOST and "
            "FRAUDSTREAM_WEB_PORT",
            EXIT_UNAVAILABLE if scarce(error) else EXIT_SETUP,
        )


def take_directory(directory: Path) -> int:
    """Lock a state directory for this process until it ends, however it ends; return the open lock.

    Ends the process with the set-up exit code if another worker has it: two workers would read each other's notes of
    what is in flight as signs of a crash.
    """
    lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        refuse(
            f"the state directory {directory} is used by another worker; give every worker its own, e.g. "
            f"FRAUDSTREAM_STATE_DIR={directory.with_name(directory.name + '-2')}"
        )
    return lock
