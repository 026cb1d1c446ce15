"""The client for programs with asyncio."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from fraudstream.client.answers import ApiError, Decision, Score, decision_of, decisions_of, score_of
from fraudstream.client.retrying import Attempts, body_of, headers_of, question_of

CONNECTIONS = 100
"""More questions than this wait for a free connection here: httpx's own queue costs the square of its length at each answer."""


class AsyncClient:
    """Asks one API."""

    def __init__(self, url: str, key: str | None = None, patience_s: float = 5.0) -> None:
        """`patience_s`: how long a question is asked again until it is answered."""
        self._patience_s = patience_s
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers_of(key),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )
        self._free = asyncio.Semaphore(CONNECTIONS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def predict(self, event: Mapping[str, Any]) -> Decision:
        """Return the decision about an event; raises ApiError, Late if it is not decided in time."""
        return decision_of(msgspec.json.decode(await self._asked("/v1/predictions", body_of(event))))

    async def predict_many(self, events: Sequence[Mapping[str, Any]]) -> list[Decision | ApiError]:
        """Return the decision about each event, or why there is none; raises ApiError if the question fails as a whole."""
        return decisions_of(await self._asked("/v1/predictions", body_of(events)))

    async def fetch(self, transaction_id: str) -> Decision | None:
        """Return a decision that was made before, None if none is known; raises ApiError if that cannot be learnt."""
        try:
            answer = await self._asked(f"/v1/predictions/{quote(transaction_id, safe='')}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return decision_of(msgspec.json.decode(answer))

    async def score(
        self,
        event: Mapping[str, Any],
        features: Mapping[str, float | None] | None = None,
        release: int | None = None,
    ) -> Score:
        """Return what a release, by default the active one, would decide if these features were so; nothing is counted."""
        return score_of(await self._asked("/v1/score", question_of(event, features, release)))

    async def label(self, transaction_id: str, fraud: bool | None, **more: Any) -> None:
        """Say what an event turned out to be; `more`: source, known_at, note."""
        await self._asked("/v1/labels", body_of({"transaction_id": transaction_id, "fraud": fraud, **more}))

    async def _asked(self, path: str, body: bytes | None = None) -> bytes:
        """Ask until there is an answer; asking again is safe, because an id is one event. Without a body it only reads."""
        attempts = Attempts.within(self._patience_s)
        while True:
            try:
                answer = await self._asked_once(attempts, path, body)
            except httpx.TransportError as error:
                wait_s = attempts.unreachable(error)
            else:
                if answer.is_success:
                    return answer.content
                wait_s = attempts.wait_s(
                    answer.status_code, answer.headers.get("Retry-After"), answer.content
                )
            await asyncio.sleep(wait_s)

    async def _asked_once(self, attempts: Attempts, path: str, body: bytes | None) -> httpx.Response:
        """Ask when a connection is free; raises httpx.TransportError."""
        try:
            async with asyncio.timeout(attempts.left_s):
                await self._free.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout(f"all {CONNECTIONS} connections were in use") from None
        try:
            return await self._http.request(
                "GET" if body is None else "POST",
                path,
                content=body,
                headers=attempts.headers,
                timeout=attempts.left_s + 1.0,
            )
        finally:
            self._free.release()
