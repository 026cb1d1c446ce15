"""What a registry of models keeps its files in: small named files, and writing only if nobody wrote in between."""

from typing import NamedTuple, Protocol

from fraudstream.domain.errors import FraudstreamError


class StoreUnavailable(FraudstreamError):
    """The store does not answer, or has no space; trying again may help."""

    later = True


class TrainingUnderWay(FraudstreamError):
    """Another training of the same major version has not ended."""

    later = True


class Stored(NamedTuple):
    """A file's content, and a tag that changes with it."""

    content: bytes
    tag: str


class ModelStore(Protocol):
    """Names are paths with slashes; a file is there whole or not at all."""

    place: str
    """Directory or address, for messages."""

    def read(self, name: str, bytes_max: int) -> Stored | None:
        """Return a file, None if there is none; raises SetupError if it is larger than allowed."""
        ...

    def write(self, name: str, content: bytes, expected: str | None) -> bool:
        """Write a file if its tag is the expected one (None: there is no such file); tell whether it was written.

        When this returns, the file is durable.
        """
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with a prefix, in order."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...
