"""What stands before the pages: the prefix, host names and proxies of the settings.

A request's `X-Forwarded-…` headers (client, host, prefix) are trusted only if it comes from one of these proxies.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import hdrs
from yarl import URL

BASE_PATH = re.compile(r"(/[A-Za-z0-9._~-]{1,64}){0,8}")
IPV6_SITE_BITS = 64
"""A client with one address of such a network has all of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request's client address, the host name it asks for, and the prefix its links need."""

    address: str
    host: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Front:
    """The settings FRAUDSTREAM_WEB_BASE_PATH, _HOSTS and _PROXIES."""

    base_path: str = ""
    hosts: frozenset[str] = frozenset()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, base_path: str, hosts: str, proxies: str) -> "Front":
        """Read the settings' texts, which are already validated."""
        return cls(
            base_path,
            frozenset(name.lower() for name in listed(hosts)),
            tuple(map(ip_network, listed(proxies))),
        )

    def trusts(self, peer: str) -> bool:
        """Tell whether an address is one of the proxies."""
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.proxies)

    def seen(self, peer: str, headers: Mapping[str, str]) -> Seen:
        """Return who asks: the connected peer, or the client that a trusted proxy names."""
        host = _name(headers.get(hdrs.HOST, ""))
        if not self.trusts(peer):
            return Seen(site(peer), host, self.base_path)
        client = peer
        for hop in reversed(listed(headers.get(hdrs.X_FORWARDED_FOR, ""))):
            client = _without_port(hop)
            if not self.trusts(client):
                break
        forwarded = listed(headers.get(hdrs.X_FORWARDED_HOST, ""))
        prefix = headers.get("X-Forwarded-Prefix", "").rstrip("/")
        return Seen(
            site(client),
            _name(forwarded[0]) if forwarded else host,
            prefix if prefix and BASE_PATH.fullmatch(prefix) else self.base_path,
        )


def listed(text: str) -> list[str]:
    """Return the parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def site(address: str) -> str:
    """Return what limits count as one client: the address, or for IPv6 its /64 network.

    >>> site("192.0.2.7"), site("::ffff:192.0.2.7"), site("2001:db8::7")
    ('192.0.2.7', '192.0.2.7', '2001:db8::/64')
    """
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(known, IPv6Address):
        return str(known)
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ip_network((known, IPV6_SITE_BITS), strict=False))


def without_prefix(path: str, prefix: str) -> str:
    """Return a request's path without the prefix, which a proxy may or may not have removed.

    >>> without_prefix("/fraud/alerts?limit=2", "/fraud"), without_prefix("/fraud", "/fraud"), without_prefix("/fraudster", "/fraud")
    ('/alerts?limit=2', '/', '/fraudster')
    """
    rest = path[len(prefix) :]
    if not prefix or not path.startswith(prefix) or rest[:1] not in ("", "/", "?"):
        return path
    return rest if rest.startswith("/") else f"/{rest}"


def _name(host: str) -> str:
    """Return the name in a `Host` header, empty if there is none."""
    try:
        return (URL(f"http://{host}").host or "").lower()
    except ValueError:
        return ""


def _without_port(hop: str) -> str:
    """Read an address as proxies write it: bare, `[v6]:port` or `v4:port`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
