"""Releases of an event type in the store of models: a log, documents, and the files that they need.

`<event type>/releases.jsonl` says what happened; `<event type>/releases/<sha256>.json` is a release; `blobs/<sha256>` is a file
of it. Files are copied when a release is drafted, so deleting a model version does not damage a release; releases that share
a file share its blob.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.files import sha256_of
from fraudstream.adapters.models.lease import Clock, utc_now
from fraudstream.adapters.models.log_file import LogFile
from fraudstream.adapters.models.opening import model_store
from fraudstream.adapters.models.registry import this_user
from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import did_you_mean, validate_name
from fraudstream.domain.registry.store import ModelStore
from fraudstream.domain.releases.release import RELEASE_BYTES_MAX, Release, name_of
from fraudstream.domain.releases.release_log import Action, ReleaseEntry, ReleaseLog
from fraudstream.settings import Settings

LOG = "releases.jsonl"
BLOBS = "blobs"

DRAFT = "draft one with: fraudstream releases draft"
RESTORE = "restore it from a backup, or draft a release again"


class Releases:
    """The releases of one event type."""

    def __init__(
        self, store: ModelStore, event_type: str, by: str | None = None, clock: Clock = utc_now
    ) -> None:
        self.store = store
        self.event_type = validate_name("event type", event_type)
        self.by = by or this_user()
        self.clock = clock
        self._log = LogFile(store, ReleaseLog, self.event_type, LOG)

    @classmethod
    def at(cls, place: str | Path, event_type: str) -> "Releases":
        """Open the releases in a directory or at s3://bucket/prefix."""
        return cls(model_store(place), event_type)

    @classmethod
    def of(cls, settings: Settings) -> "Releases":
        """Open the releases of the event type that is set."""
        return cls.at(settings.models_place, event_type_named(settings.event_type).name)

    def log(self) -> ReleaseLog:
        """Return what happened to the releases so far."""
        return self._log.read()

    def append(self, entries: Callable[[ReleaseLog], Sequence[ReleaseEntry]]) -> ReleaseLog:
        """Append what a function makes of the log; it is called again if somebody else appended in between."""
        return self._log.append(entries)

    def entry(
        self, log: ReleaseLog, number: int, action: Action, why: str, share: float | None = None
    ) -> ReleaseEntry:
        """Return an entry of now by this user; raises SetupError if there is no such release."""
        self.require(log, number)
        return ReleaseEntry(self._now(), self.by, number, action, why, log.sha256_of(number), share)

    def require(self, log: ReleaseLog, number: int) -> None:
        """Raise SetupError unless there is a release of this number."""
        if number not in log.states:
            near = did_you_mean(str(number), map(str, log.states)) or f"; {DRAFT}"
            raise SetupError(
                f"no release {number} of event type {self.event_type} in {self.store.place}{near}"
            )

    def save(self, release: Release, files: dict[str, bytes], why: str) -> int:
        """Keep a release with its files; return its number. The same release keeps the number that it has.

        The files come first, then the document, the log last: what the log names is there.
        """
        for name, content in files.items():
            self._keep(f"{BLOBS}/{release.artefacts[name].sha256}", content)
        self._keep(self._document(release.sha256), release.content)

        def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
            if log.number_of(release.sha256) is not None:
                return []
            return [ReleaseEntry(self._now(), self.by, log.next_number, Action.DRAFT, why, release.sha256)]

        number = self.append(entries).number_of(release.sha256)
        assert number is not None
        return number

    def release(self, sha256: str) -> Release:
        """Return a release; raises SetupError if its document is missing or not the one that was saved."""
        name = self._document(sha256)
        found = self.store.read(name, RELEASE_BYTES_MAX)
        if found is None:
            raise SetupError(f"release {self._told(sha256)} is missing: {self.store.place}/{name}; {RESTORE}")
        if sha256_of(found.content) != sha256:
            raise SetupError(
                f"release {self._told(sha256)} was changed (checksum differs): {self.store.place}/{name}; {RESTORE}"
            )
        return Release.parsed(found.content, f"{self.store.place}/{name}")

    def numbered(self, number: int) -> Release:
        """Return a release by its number; raises SetupError."""
        log = self.log()
        self.require(log, number)
        return self.release(log.sha256_of(number))

    def files(self, release: Release) -> dict[str, bytes]:
        """Return the files of a release, each compared with its size and checksum; raises SetupError."""
        return {name: self._blob(release, name) for name in release.artefacts}

    def _blob(self, release: Release, name: str) -> bytes:
        artefact = release.artefacts[name]
        place = f"{BLOBS}/{artefact.sha256}"
        found = self.store.read(place, artefact.size)
        if found is None:
            raise SetupError(
                f"{name} of release {self._told(release.sha256)} is missing: {self.store.place}/{place}; {RESTORE}"
            )
        if sha256_of(found.content) != artefact.sha256:
            raise SetupError(
                f"{name} of release {self._told(release.sha256)} is damaged (checksum differs): {self.store.place}/{place}; {RESTORE}"
            )
        return found.content

    def _keep(self, name: str, content: bytes) -> None:
        """Write a file that is named by its content; one that is damaged is written again."""
        there = self.store.read(name, max(len(content), RELEASE_BYTES_MAX))
        if there is not None and there.content == content:
            return
        written = self.store.write(name, content, None if there is None else there.tag)
        if not written:  # somebody else keeps the same content at this moment
            there = self.store.read(name, len(content))
            if there is None or there.content != content:
                raise SetupError(f"{self.store.place}/{name} could not be written; try again")

    def _document(self, sha256: str) -> str:
        return f"{self.event_type}/releases/{sha256}.json"

    def _told(self, sha256: str) -> str:
        number = self.log().number_of(sha256)
        return sha256[:12] if number is None else name_of(self.event_type, number)

    def _now(self) -> str:
        return self.clock().isoformat(timespec="seconds")
