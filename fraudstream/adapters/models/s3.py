"""Models in S3, or in anything with its protocol and conditional writes (AWS_ENDPOINT_URL_S3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from fraudstream.adapters.failures import AWS_CLIENT, PERMANENT, by_name, of_s3
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import Stored, StoreUnavailable

CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 4}, tcp_keepalive=True
)
MISSING = frozenset({"NoSuchKey", "404"})
OTHER = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
"""Answers to a conditional write when the object is not the expected one, or is being written by someone else."""


class S3Store:
    """A bucket, or the part of one below a prefix."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.place = f"s3://{bucket}/{self._prefix}".rstrip("/")
        with self._errors(""):
            self._client: Any = boto3.client("s3", config=CONFIG)

    def read(self, name: str, bytes_max: int) -> Stored | None:
        """Read an object; one that is too large is not transferred."""
        with self._errors(name):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            except ClientError as error:
                if _code(error) in MISSING:
                    return None
                raise
            with answer["Body"] as body:
                content: bytes = body.read(bytes_max + 1)
        if len(content) > bytes_max:
            raise SetupError(
                f"{self.place}/{name} is larger than {bytes_max:,} bytes, the largest size allowed for it"
            )
        return Stored(content, answer["ETag"])

    def write(self, name: str, content: bytes, expected: str | None) -> bool:
        """Write with a condition on the object's tag, which S3 checks."""
        condition = {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}
        with self._errors(name):
            try:
                self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + name, Body=content, **condition
                )
            except ClientError as error:
                if _code(error) in OTHER or (expected is not None and _code(error) in MISSING):
                    return False
                raise
        return True

    def names(self, prefix: str = "") -> list[str]:
        """List a bucket, a thousand objects a request."""
        found: list[str] = []
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                found += [entry["Key"].removeprefix(self._prefix) for entry in page.get("Contents", ())]
        return sorted(found)

    def delete(self, name: str) -> None:
        """Remove an object."""
        with self._errors(name):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Translate AWS's errors into ours."""
        place = f"{self.place}/{name}".rstrip("/")
        try:
            yield
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise _error(place, error, of_s3(_code(error), status)) from error
        except (BotoCoreError, OSError) as error:
            raise _error(place, error, by_name(error, AWS_CLIENT)) from error


def _code(error: ClientError) -> str:
    code: str = error.response["Error"]["Code"]
    return code


def _error(place: str, error: Exception, sort: str) -> SetupError | StoreUnavailable:
    """Return the error to raise: StoreUnavailable if waiting may help."""
    if sort != PERMANENT:
        return StoreUnavailable(f"{place}: {error}")
    return SetupError(f"{place}: {error}; check FRAUDSTREAM_MODELS, and the AWS credentials and their rights")
