"""Files in S3 that programs name: read into a directory, and written from it."""

import asyncio
from pathlib import Path

from fraudstream.adapters.archive.opening import S3
from fraudstream.adapters.archive.s3 import S3Objects
from fraudstream.domain.errors import SetupError

CSV = ".csv"


async def read(place: str, target: Path) -> Path:
    """Copy an object to a file; raises FraudstreamError."""
    bucket, key = _parts(place)
    async with S3Objects(bucket) as objects:
        await objects.save(key, target)
    return target


async def write(source: Path, place: str) -> None:
    """Copy a file to an object; raises FraudstreamError."""
    await put(await asyncio.to_thread(source.read_bytes), place)


async def put(content: bytes, place: str) -> None:
    """Write an object; raises FraudstreamError."""
    bucket, key = _parts(place)
    async with S3Objects(bucket) as objects:
        await objects.put(key, content)


def output_place(place: str, name: str) -> str:
    """Return where the output of a job goes: to the place itself if it is a CSV file, else to a file of this name below it."""
    return place if place.endswith(CSV) else f"{place.rstrip('/')}/{name}"


def _parts(place: str) -> tuple[str, str]:
    bucket, _, key = place.removeprefix(S3).partition("/")
    if not bucket or not key:
        raise SetupError(f"{place} names no object; write it as s3://bucket/key")
    return bucket, key
