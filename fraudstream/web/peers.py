"""The group's other workers: asked for the JSON that they serve to everybody."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import msgspec
from yarl import URL

logger = logging.getLogger(__name__)

PEER_TIMEOUT_S = 1.0
ANSWER_MAX_BYTES = 1 << 20


class PeerUnavailable(Exception):
    """A worker of the group did not answer, so "not found" is not certain."""


async def ask(
    peers: Sequence[str], path: str, headers: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """Return (URL, JSON) of the worker that knows `path`, or None if all say they do not.

    All are asked at once. Raises PeerUnavailable if none knows it and one did not answer. `path` is already escaped;
    `headers` are sent to all of them (see `Login.peer_headers`).
    """
    if not peers:
        return None
    timeout = aiohttp.ClientTimeout(total=PEER_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        answers = await asyncio.gather(*(_get(session, peer, path) for peer in peers))
    for peer, answer in zip(peers, answers, strict=True):
        if isinstance(answer, dict):
            return peer, answer
    silent = sum(answer is False for answer in answers)
    if silent:
        raise PeerUnavailable(f"{silent} of {len(peers)} other workers did not answer")
    return None


async def _get(session: aiohttp.ClientSession, peer: str, path: str) -> dict[str, Any] | bool:
    """Return a worker's JSON object, True if it says 404, False if it gave no usable answer."""
    try:
        url = URL(f"{peer}{path}?local=1", encoded=True)
        async with session.get(url, allow_redirects=False) as response:
            if response.status == 404:
                return True
            if response.status == 401:
                logger.warning(
                    "%s refuses the token: give all workers the same FRAUDSTREAM_WEB_TOKEN_FILE", peer
                )
            if response.status != 200:
                return False
            body = await response.content.read(ANSWER_MAX_BYTES)
            while not response.content.at_eof() and len(body) <= ANSWER_MAX_BYTES:
                body += await response.content.read(ANSWER_MAX_BYTES)
            answer = msgspec.json.decode(body)
            return answer if isinstance(answer, dict) else False
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
        return False
