"""A release: event type, model, rules and threshold as one immutable document, named by its SHA-256."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import validate_name
from fraudstream.domain.registry.manifest import FILE_BYTES_MAX, MANIFEST
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.releases.golden import Golden

FORMAT = 1
"""Of the document. Raised when an older fraudstream could not read it, which then refuses it."""

RELEASE_BYTES_MAX = 5_000_000
ARTEFACTS_MAX = 20
ARTEFACTS_BYTES_MAX = 200_000_000
"""Of all artefacts together: what a worker may have to hold in memory beside the release that decides."""

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that a release needs, kept under its SHA-256."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Release:
    """What decides. Equal content has the same identity, whoever drafted it."""

    event_type: str
    declared: Mapping[str, str]
    """Fingerprint of the event type's declaration, key by key: with another one the features would mean something else."""
    model_version: str
    """Number of the model version it was made of, such as 1.2."""
    model_sha256: str
    """One SHA-256 for all files of the version."""
    features: tuple[str, ...]
    artefacts: Mapping[str, Artefact]
    """The files of the model version by name, its manifest among them."""
    ruleset: Mapping[str, Any]
    """As `Ruleset.described` writes it."""
    fraud_threshold: float
    golden: Golden
    note: str = ""

    @cached_property
    def content(self) -> bytes:
        """The document: canonical JSON, so the same release has the same bytes everywhere."""
        said = self.described()
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()

    @cached_property
    def sha256(self) -> str:
        """Its identity."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def bytes_in_all(self) -> int:
        """Size of its artefacts together."""
        return sum(artefact.size for artefact in self.artefacts.values())

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "format": FORMAT,
            "event_type": self.event_type,
            "declared": dict(self.declared),
            "model": {
                "version": self.model_version,
                "content_sha256": self.model_sha256,
                "features": list(self.features),
            },
            "artefacts": {
                name: {"sha256": artefact.sha256, "bytes": artefact.size}
                for name, artefact in self.artefacts.items()
            },
            "ruleset": dict(self.ruleset),
            "fraud_threshold": self.fraud_threshold,
            "golden": self.golden.described(),
            "note": self.note,
        }

    @classmethod
    def parsed(cls, content: bytes, place: str) -> Self:
        """Read a document; raises SetupError that says what is wrong with it."""
        try:
            said = json.loads(content)
            if said["format"] != FORMAT:
                raise SetupError(
                    f"{place} is a release of format {said['format']}, and this fraudstream reads {FORMAT}; "
                    "run the same version of fraudstream everywhere"
                )
            release = cls._of(said)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SetupError(f"{place} is not a release ({type(error).__name__}: {error})") from error
        release.check_limits(place)
        return release

    @classmethod
    def _of(cls, said: Mapping[str, Any]) -> Self:
        model = said["model"]
        return cls(
            event_type=validate_name("event type", said["event_type"]),
            declared={str(key): str(value) for key, value in said["declared"].items()},
            model_version=str(Version.parsed(model["version"])),
            model_sha256=str(model["content_sha256"]),
            features=tuple(map(str, model["features"])),
            artefacts={
                validate_name("release's file", name): Artefact(
                    checked_sha256(each["sha256"]), int(each["bytes"])
                )
                for name, each in said["artefacts"].items()
            },
            ruleset=dict(said["ruleset"]),
            fraud_threshold=float(said["fraud_threshold"]),
            golden=Golden.of_description(said["golden"]),
            note=str(said["note"]),
        )

    def check_limits(self, place: str) -> None:
        """Raise SetupError if loading it could take more memory than is allowed, or if its threshold is none."""
        sizes = [artefact.size for artefact in self.artefacts.values()]
        if len(sizes) > ARTEFACTS_MAX or MANIFEST not in self.artefacts:
            raise SetupError(
                f"{place} needs {MANIFEST} and at most {ARTEFACTS_MAX} files, and has {len(sizes)}"
            )
        if any(not 0 <= size <= FILE_BYTES_MAX for size in sizes) or sum(sizes) > ARTEFACTS_BYTES_MAX:
            raise SetupError(
                f"{place} has files of {self.bytes_in_all:,} bytes; a file may have {FILE_BYTES_MAX:,}, all together "
                f"{ARTEFACTS_BYTES_MAX:,}"
            )
        if len(self.content) > RELEASE_BYTES_MAX:
            raise SetupError(f"{place} is larger than {RELEASE_BYTES_MAX:,} bytes; shorten its rules")
        if not 0 < self.fraud_threshold < 1:
            raise SetupError(f"the threshold of {place} must be between 0 and 1")


def checked_sha256(said: Any) -> str:
    """Return a SHA-256 in hexadecimal, which becomes part of a path; raises ValueError."""
    if not isinstance(said, str) or not SHA256.fullmatch(said):
        raise ValueError(f"{str(said)[:80]!r} is not a SHA-256")
    return said


def name_of(event_type: str, number: int) -> str:
    """Return what decisions and people call a release.

    >>> name_of("card", 7)
    'card-7'
    """
    return f"{event_type}-{number}"
