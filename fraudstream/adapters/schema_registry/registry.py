"""Asks a schema registry for a schema by its id, as Confluent's, Karapace, Redpanda and Apicurio answer."""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp

from fraudstream.domain.errors import FraudstreamError

ANSWER_TIMEOUT_S = 5.0

UNKNOWN_CODES = {40401, 40402, 40403}
"""The registry's own codes for a subject, a version or a schema that it does not have; any other 404 is a wrong address."""

REFERENCES_MAX = 64
"""More schemas than these in one are a circle."""


class RegistryUnavailable(FraudstreamError):
    """The registry does not answer, or not as one: a later try may succeed."""

    later = True


class Login(NamedTuple):
    """A user of the registry."""

    username: str
    password: str


class Registered(NamedTuple):
    """A schema as it is registered."""

    kind: str
    """AVRO, PROTOBUF or JSON."""
    text: str
    references: Mapping[str, str]
    """Name -> text of the schemas it refers to, each after those that it needs itself."""


class Registry:
    """A schema registry at a URL."""

    def __init__(self, url: str, login: Login | None = None) -> None:
        self.url = url.rstrip("/")
        basic = base64.b64encode(":".join(login or ()).encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}"} if login else {}

    async def schema(self, schema_id: int) -> Registered | None:
        """Return a schema, None if the registry does not know it; raises RegistryUnavailable."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as session:
            answer = await self._answer(session, f"schemas/ids/{schema_id}")
            references: dict[str, str] = {}
            if answer is None or not await self._follow(session, answer, references):
                return None
        return Registered(answer.get("schemaType") or "AVRO", answer["schema"], references)

    async def _follow(
        self, session: aiohttp.ClientSession, answer: dict[str, Any], found: dict[str, str]
    ) -> bool:
        """Add the schemas that a schema refers to; False if the registry does not have one of them."""
        for reference in answer.get("references") or ():
            if reference["name"] in found:
                continue
            if len(found) >= REFERENCES_MAX:
                raise RegistryUnavailable(f"a schema refers to more than {REFERENCES_MAX} others")
            place = f"subjects/{quote(reference['subject'], safe='')}/versions/{int(reference['version'])}"
            inner = await self._answer(session, place)
            if inner is None or not await self._follow(session, inner, found):
                return False
            found[reference["name"]] = inner["schema"]
        return True

    async def _answer(self, session: aiohttp.ClientSession, place: str) -> dict[str, Any] | None:
        try:
            async with session.get(f"{self.url}/{place}") as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise RegistryUnavailable(str(error) or type(error).__name__) from error
        said = body if isinstance(body, dict) else {}
        if response.status == 404 and said.get("error_code") in UNKNOWN_CODES:
            return None
        if response.status != 200 or not isinstance(said.get("schema"), str):
            raise RegistryUnavailable(f"it answers {response.status} {said.get('message', '')}".rstrip())
        return said
