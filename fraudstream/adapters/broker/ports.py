"""Free and taken TCP ports on loopback."""

import errno
import socket

from fraudstream.adapters.broker.config import HOST
from fraudstream.adapters.broker.errors import BrokerError, PortTaken
from fraudstream.process.ports import bound_to_a_free_port


def claim(*ports: int) -> tuple[int, ...]:
    """Return the ports asked for, each 0 replaced by a free one; raise PortTaken if somebody listens on one.

    They are held together and let go together, so no two are the same. Between this and Kafka's own bind another
    program can take a port; Kafka then says so and ends.
    """
    held: list[socket.socket] = []
    try:
        held.extend(_bound(port) if port else bound_to_a_free_port(HOST) for port in ports)
        return tuple(s.getsockname()[1] for s in held)
    finally:
        for s in held:
            s.close()


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As Kafka does: connections of a broker that has just stopped must not keep its port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} is taken by another program; choose another with --port (0: any free one)"
            ) from error
        raise BrokerError(
            f"cannot listen on port {port} ({error.strerror}); choose another with --port"
        ) from error
    return listener
