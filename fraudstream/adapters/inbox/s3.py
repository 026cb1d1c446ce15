"""An inbox in S3, or in anything with its protocol. Objects are whole; one that is replaced has another ETag."""

from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aioboto3
from botocore.exceptions import ClientError

from fraudstream.adapters.inbox.aws import CONFIG, aws_errors, code_of
from fraudstream.adapters.inbox.place import COPIED_BYTES, S3, Copied, Found, Place, digest, is_taken

GONE = frozenset({"NoSuchKey", "404", "PreconditionFailed", "412"})
"""Answers for an object that is not there any more, or not the same."""


class S3Inbox(Place):
    """A bucket, or the part of one below a prefix."""

    def __init__(self, place: str) -> None:
        self.bucket, _, prefix = place.removeprefix(S3).partition("/")
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.place = f"{S3}{self.bucket}/{self.prefix}".rstrip("/")
        self._stack = AsyncExitStack()
        self._client: Any = None

    async def files(self) -> list[Found]:
        """List a thousand objects a request."""
        found: list[Found] = []
        with aws_errors(self.place):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self.prefix
            )
            async for page in pages:
                listed = (
                    (each["Key"].removeprefix(self.prefix), each["Size"], each["ETag"])
                    for each in page.get("Contents", ())
                )
                found += [Found(*each) for each in listed if is_taken(each[0])]
        return sorted(found, key=lambda each: each.name)

    @property
    def unfinished(self) -> int:
        """None: objects are whole."""
        return 0

    async def find(self, name: str) -> Found | None:
        """Ask for one object."""
        with aws_errors(f"{self.place}/{name}"):
            try:
                about = await self._client.head_object(Bucket=self.bucket, Key=self.prefix + name)
            except ClientError as error:
                if code_of(error) in GONE:
                    return None
                raise
        return Found(name, about["ContentLength"], about["ETag"])

    async def copy(self, found: Found, directory: Path) -> Copied | None:
        """Copy the object with this ETag, some of it at a time."""
        target, hashed = directory / Path(found.name).name, digest()
        with aws_errors(f"{self.place}/{found.name}"):
            try:
                answer = await self._client.get_object(
                    Bucket=self.bucket, Key=self.prefix + found.name, IfMatch=found.stamp
                )
            except ClientError as error:
                if code_of(error) in GONE:
                    return None
                raise
            async with (body := answer["Body"]):
                with target.open("wb") as copy:
                    async for part in body.iter_chunks(COPIED_BYTES):
                        hashed.update(part)
                        copy.write(part)
        return Copied(target, hashed.hexdigest())

    async def __aenter__(self) -> Self:
        with aws_errors(self.place):
            client = aioboto3.Session().client("s3", config=CONFIG)
            self._client = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
