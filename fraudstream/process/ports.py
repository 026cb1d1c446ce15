"""TCP ports that nobody uses."""

import errno
import secrets
import socket

FREE_PORTS = range(20_000, 32_000)
"""Where a free port is looked for: below those that systems give to outgoing connections (Linux from 32,768 on, others from
49,152), for a connection could take one of them before a server has bound it."""


def bound_to_a_free_port(host: str) -> socket.socket:
    """Return a socket bound to a port that nobody uses; raises OSError if there is none or `host` is not of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = secrets.randbelow(len(FREE_PORTS))  # workers that start together look at others
    for port in (*FREE_PORTS[first:], *FREE_PORTS[:first]):
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return bound
    raise OSError(errno.EADDRINUSE, f"{host} has no free port from {FREE_PORTS.start} to {FREE_PORTS.stop}")


def free_port(host: str) -> int:
    """Return a port that nobody uses; raises OSError. Faust tells the other workers its port, so it must be known early."""
    with bound_to_a_free_port(host) as bound:
        return int(bound.getsockname()[1])
