"""Objects in S3, or in anything with its protocol (AWS_ENDPOINT_URL_S3); credentials and region are AWS's settings."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aioboto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.adapters.archive.objects import NoSuchObject, ObjectsRefused, ObjectsUnavailable
from fraudstream.adapters.failures import AWS_CLIENT, PERMANENT, Sort, by_name, of_s3

CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "adaptive", "max_attempts": 5}, tcp_keepalive=True
)
SAVED_BYTES = 1 << 20
"""Bytes of an object that are held at a time while it is saved."""
MISSING = frozenset({"NoSuchKey", "404"})


class S3Objects:
    """A bucket, or the part of one below a prefix."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def put(self, name: str, content: bytes) -> None:
        """Write an object; S3 shows it whole or not at all."""
        with self._errors(name):
            await self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content)

    async def get(self, name: str) -> bytes:
        """Read an object."""
        with self._errors(name):
            answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            async with answer["Body"] as body:
                content: bytes = await body.read()
        return content

    async def save(self, name: str, path: Path) -> None:
        """Read an object into a file, some at a time: it may be larger than memory."""
        with self._errors(name):
            answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            async with (body := answer["Body"]):
                with path.open("wb") as content:
                    async for chunk in body.iter_chunks(SAVED_BYTES):
                        content.write(chunk)

    def path(self, name: str) -> None:
        """Objects of a bucket lie on no disk of ours."""

    async def names(self, prefix: str = "") -> list[str]:
        """List a bucket, a thousand objects a request."""
        found: list[str] = []
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            async for page in pages:
                found += [entry["Key"].removeprefix(self._prefix) for entry in page.get("Contents", ())]
        return sorted(found)

    async def delete(self, name: str) -> None:
        """Remove an object."""
        with self._errors(name):
            await self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    async def __aenter__(self) -> Self:
        self._client = await self._stack.enter_async_context(aioboto3.Session().client("s3", config=CONFIG))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Translate AWS's errors into ours."""
        place = f"s3://{self._bucket}/{self._prefix}{name}"
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                raise NoSuchObject(f"{place} does not exist") from None
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise _error(place, error, of_s3(error.response["Error"]["Code"], status)) from error
        except (BotoCoreError, OSError) as error:
            raise _error(place, error, by_name(error, AWS_CLIENT)) from error


def _error(place: str, error: Exception, sort: Sort) -> ObjectsRefused | ObjectsUnavailable:
    """Return the error to raise: ObjectsUnavailable if waiting may help."""
    if sort != PERMANENT:
        return ObjectsUnavailable(f"{place}: {error}")
    return ObjectsRefused(
        f"{place}: {error}; check FRAUDSTREAM_ARCHIVE, and the AWS credentials and their rights"
    )
