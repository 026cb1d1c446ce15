"""Opens the store of models that the setting names: a directory, or a bucket."""

from pathlib import Path

from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.models.directory import DirectoryStore
from fraudstream.domain.registry.store import ModelStore

S3 = "s3://"


def model_store(place: str | Path) -> ModelStore:
    """Return the store at a directory or at s3://bucket/prefix; raises SetupError if the library for S3 is not installed."""
    if not str(place).startswith(S3):
        return DirectoryStore(Path(place))
    with extras_named():
        from fraudstream.adapters.models.s3 import S3Store
    bucket, _, prefix = str(place).removeprefix(S3).partition("/")
    return S3Store(bucket, prefix)
