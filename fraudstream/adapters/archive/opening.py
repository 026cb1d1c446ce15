"""Opens the object store that the setting for the archive names: a directory, or a bucket."""

from pathlib import Path

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.objects import ObjectStore
from fraudstream.adapters.extras import extras_named

S3 = "s3://"


def object_store(place: str) -> ObjectStore:
    """Return the store at a directory or at s3://bucket/prefix; raises SetupError if the library for S3 is not installed."""
    if not place.startswith(S3):
        return LocalObjects(Path(place))
    with extras_named():
        from fraudstream.adapters.archive.s3 import S3Objects
    bucket, _, prefix = place.removeprefix(S3).partition("/")
    return S3Objects(bucket, prefix)
