"""SageMaker Feature Store over aioboto3: two long-lived clients, their limits, and what their errors mean."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import aioboto3
import aiohttp
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from fraudstream.adapters.failures import AWS_CLIENT, PERMANENT, by_name, of_feature_store
from fraudstream.domain.errors import SetupError, WeeklyRefused, WeeklyUnavailable

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 2.0
"""Longer than any decision waits: an answer that comes late still serves the payments after it."""

CONNECTIONS = 32
"""Requests at the same time, and the size of the connection pool."""

THROTTLED = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "Throttling"}
)
"""Error codes of a quota."""


REMEDIES = {
    "ResourceNotFound": "create the feature group with: fraudstream store create",
    "ResourceLimitExceeded": "ask AWS for a higher quota, or delete feature groups",
}
"""Error code -> what to do about it; ACCESS for all others."""

ACCESS = "check FRAUDSTREAM_WEEKLY_STORE, FRAUDSTREAM_WEEKLY_REGION, and the AWS credentials and their rights"


class StoreBusy(WeeklyUnavailable):
    """The store answered that it cannot serve the request now."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"Feature Store is unavailable: {code}: {message}")
        self.throttled = code in THROTTLED


class StoreRefused(WeeklyRefused):
    """The store answered, and the answer is no: `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"Feature Store refuses: {code}: {message}; {REMEDIES.get(code, ACCESS)}")
        self.code = code


def answered(code: str, message: str, status: int) -> StoreBusy | StoreRefused:
    """Return the error that an answer means."""
    return (StoreRefused if of_feature_store(code, status) == PERMANENT else StoreBusy)(code, message)


@dataclass(frozen=True, slots=True)
class Access:
    """Where Feature Store is and who asks; None leaves the choice to AWS's usual configuration."""

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    connect_timeout_s: float = CONNECT_TIMEOUT_S


class FeatureStoreClients:
    """The two services: the runtime that reads and writes records, the control plane that knows the groups.

    Retries are off: the look-up has a deadline of its own, and loading its own pace.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._stack = AsyncExitStack()
        self._clients: dict[str, Any] = {}

    async def runtime(self) -> Any:
        """Return the client that reads and writes records."""
        return await self._client("sagemaker-featurestore-runtime")

    async def control(self) -> Any:
        """Return the client that makes and describes groups."""
        return await self._client("sagemaker")

    async def close(self) -> None:
        """Close all connections."""
        self._clients.clear()
        await self._stack.aclose()

    async def _client(self, service: str) -> Any:
        if service not in self._clients:
            try:
                session = aioboto3.Session(profile_name=self._access.profile, region_name=self._access.region)
                config = Config(
                    connect_timeout=self._access.connect_timeout_s,
                    read_timeout=READ_TIMEOUT_S,
                    max_pool_connections=CONNECTIONS,
                    retries={"total_max_attempts": 1},
                    ignore_configured_endpoint_urls=True,  # ours or AWS's, and no other
                )
                made = session.client(service, endpoint_url=self._access.endpoint_url, config=config)
                self._clients[service] = await self._stack.enter_async_context(made)
            except (BotoCoreError, ValueError) as error:
                raise SetupError(f"no access to SageMaker Feature Store: {error}") from error
        return self._clients[service]


@contextmanager
def translate_errors() -> Iterator[None]:
    """Translate AWS's errors, and malformed answers, into WeeklyUnavailable; into WeeklyRefused if waiting does not help."""
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise answered(str(told.get("Code", "")), str(told.get("Message", "")), status) from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        if by_name(error, AWS_CLIENT) == PERMANENT:
            raise WeeklyRefused(f"Feature Store cannot be reached: {error}; {ACCESS}") from error
        raise WeeklyUnavailable(f"Feature Store does not answer: {error}") from error
    except (ResponseParserError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise WeeklyUnavailable(f"Feature Store's answer cannot be read: {error!r}") from error
