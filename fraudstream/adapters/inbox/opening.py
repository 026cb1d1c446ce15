"""Opens the inbox that a command names: a directory, or a prefix in S3."""

from pathlib import Path

from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.inbox.directory import DirectoryInbox
from fraudstream.adapters.inbox.place import S3, Place


def inbox_at(place: str, settle_s: float) -> Place:
    """Return the inbox in a directory or at s3://bucket/prefix; raises SetupError if the library for S3 is not installed."""
    if not place.startswith(S3):
        return DirectoryInbox(Path(place), settle_s)
    with extras_named():
        from fraudstream.adapters.inbox.s3 import S3Inbox
    return S3Inbox(place)
