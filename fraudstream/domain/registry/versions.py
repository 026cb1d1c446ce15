"""Numbers of model versions, as Amazon Fraud Detector counts them: a new model is the next major, an update the next minor."""

import re
from dataclasses import dataclass

from fraudstream.domain.errors import SetupError

VERSION_PATTERN = r"[1-9][0-9]{0,3}\.[0-9]{1,2}"
"""Fraud Detector's `modelVersionNumber`."""

VERSION = re.compile(VERSION_PATTERN)
MINOR_MAX, MAJOR_MAX = 99, 9999


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version's number; ordered as numbers, so 1.10 comes after 1.9."""

    major: int
    minor: int

    @classmethod
    def parsed(cls, text: str) -> "Version":
        """Read a version's number; raises SetupError.

        >>> Version.parsed("1.02") == Version.parsed("1.2")
        True
        """
        if not VERSION.fullmatch(text):
            raise SetupError(
                f"{text[:80]!r} is not the number of a model version, such as 1.0 or 1.2; see: fraudstream models list"
            )
        major, _, minor = text.partition(".")
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"
