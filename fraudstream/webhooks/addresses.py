"""Where webhooks may go. Whoever may add one must not be able to make us ask our own network.

A name is resolved anew for every connection, each of its addresses is checked, and the connection goes to those that were checked.
"""

import errno
import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from fraudstream.domain.errors import SetupError

URL_LENGTH_MAX = 2_000
ALLOW = "set FRAUDSTREAM_WEBHOOKS_PRIVATE_ADDRESSES=true if it may"

HIDING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses that another network turns into IPv4 addresses, private ones among them."""


class NotPublic(OSError):
    """An address that webhooks may not go to."""


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet.

    >>> is_public("93.184.215.14"), is_public("10.0.0.1"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False, False)
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in HIDING):
            return False
    return found.is_global and not found.is_multicast


def check_url(url: str, private: bool) -> None:
    """Raise SetupError unless webhooks may be sent to a URL; `private`: also over http and to addresses that are not public."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SetupError(f"this is no address of a receiver: {error}") from error
    if parts.scheme not in ("http", "https") or not host or len(url) > URL_LENGTH_MAX:
        raise SetupError("the address of a receiver begins with https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise SetupError("an address with a password would be shown to others; receivers check the signature")
    if private:
        return
    if parts.scheme != "https":
        raise SetupError(f"the address of a receiver begins with https://; {ALLOW} begin with http://")
    if _is_literal(host) and not is_public(host):
        raise SetupError(f"{host} is no public address; {ALLOW} be sent to")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class PublicResolver(AbstractResolver):
    """Resolves names; raises NotPublic if one of the addresses is not public."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host."""
        found = await self._resolver.resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise NotPublic(errno.EACCES, f"{host} has an address that is not public")
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()
