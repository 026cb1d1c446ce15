"""A free port stays free until a server binds it: no outgoing connection is given it."""

import errno
import re
import socket
from pathlib import Path

import pytest

from fraudstream.process import ports
from fraudstream.process.ports import FREE_PORTS, bound_to_a_free_port, free_port

LINUX_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not LINUX_RANGE.exists(), reason="not Linux")
def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    """As this machine gives them."""
    lowest = int(re.split(r"\s+", LINUX_RANGE.read_text())[0])

    assert max(FREE_PORTS) < lowest


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_server_can_be_bound_to_a_free_port(host: str) -> None:
    """Whatever it listens on."""
    with socket.create_server((host, free_port(host))) as server:
        assert server.getsockname()[1] in FREE_PORTS


def test_ports_in_use_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until there is none left."""
    one = free_port("127.0.0.1")
    monkeypatch.setattr(ports, "FREE_PORTS", range(one, one + 1))

    with bound_to_a_free_port("127.0.0.1") as bound:
        assert one == bound.getsockname()[1]
        with pytest.raises(OSError, match=f"no free port from {one} to {one + 1}") as raised:
            free_port("127.0.0.1")

    assert errno.EADDRINUSE == raised.value.errno
    assert one == free_port("127.0.0.1")


def test_a_host_of_another_machine_is_said_at_once() -> None:
    """192.0.2.1 is for documents (RFC 5737)."""
    with pytest.raises(OSError, match="annot assign") as raised:
        free_port("192.0.2.1")

    assert errno.EADDRNOTAVAIL == raised.value.errno
