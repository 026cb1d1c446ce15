"""The registry: versions of models with their states, in any store.

`<event type>/log.jsonl` says what happened; every change is one conditional write of it, so of two at the same time one is
made again on what the other left. `<event type>/<version>/` has a version's files, the manifest last.
"""

import getpass
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.files import sha256_of
from fraudstream.adapters.models.lease import Clock, utc_now
from fraudstream.adapters.models.log_file import LogFile
from fraudstream.adapters.models.opening import model_store
from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import did_you_mean, validate_name
from fraudstream.domain.registry import manifest as manifests
from fraudstream.domain.registry.store import ModelStore
from fraudstream.domain.registry.version_log import Action, LogEntry, State, VersionLog, activation
from fraudstream.domain.registry.versions import Version
from fraudstream.settings import Settings

ACTIVE = "active"
"""Stands for the active version wherever a version is named."""

LOG = "log.jsonl"

TRAIN = "train one with: fraudstream train"

HAS_FILES = frozenset({State.READY, State.ACTIVE, State.RETIRED})


def this_user() -> str:
    """Return who runs this process, and where."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


class Registry:
    """The versions of one event type."""

    def __init__(
        self, store: ModelStore, event_type: str, by: str | None = None, clock: Clock = utc_now
    ) -> None:
        self.store = store
        self.event_type = validate_name("event type", event_type)
        self.by = by or this_user()
        self.clock = clock
        self._log = LogFile(store, VersionLog, self.event_type, LOG)

    @classmethod
    def at(cls, place: str | Path, event_type: str) -> "Registry":
        """Open the registry in a directory or at s3://bucket/prefix."""
        return cls(model_store(place), event_type)

    @classmethod
    def of(cls, settings: Settings) -> "Registry":
        """Open the registry of the event type that is set."""
        return cls.at(settings.models_place, event_type_named(settings.event_type).name)

    def log(self) -> VersionLog:
        """Return what happened to the versions so far."""
        return self._log.read()

    def resolve(self, version: str = ACTIVE) -> Version:
        """Return the version that a number or `active` stands for, if its files are there; raises SetupError."""
        log = self.log()
        if version == ACTIVE:
            return self._active(log)
        number = self._listed(log, version)
        if log.states[number] not in HAS_FILES:
            raise SetupError(
                f"model {number} of event type {self.event_type} has no files: it is {log.states[number]}"
            )
        return number

    def listed(self, version: str = ACTIVE) -> Version:
        """Return the version that a number or `active` stands for, whatever has become of it; raises SetupError."""
        log = self.log()
        return self._active(log) if version == ACTIVE else self._listed(log, version)

    def has_files(self, version: Version) -> bool:
        """Tell whether a version's files are there."""
        return self.log().states.get(version) in HAS_FILES

    def manifest(self, version: Version) -> dict[str, Any]:
        """Return what is written about a version, after checking it; raises SetupError."""
        expected = self.log().manifest_of(version)
        found = self.store.read(self._name(version, manifests.MANIFEST), manifests.MANIFEST_BYTES_MAX)
        if found is None:
            raise SetupError(f"{self._told(version)} has no manifest in {self.store.place}; {TRAIN}")
        if sha256_of(found.content) != expected:
            raise SetupError(f"the manifest of {self._told(version)} was changed (checksum differs); {TRAIN}")
        return manifests.parsed(found.content, self.event_type, version, TRAIN)

    def file(self, manifest: Mapping[str, Any], name: str) -> bytes:
        """Return a file of a version after comparing its size and checksum with the manifest; raises SetupError."""
        version = Version.parsed(manifest["version"])
        described = manifest["files"].get(name)
        if described is None:
            raise SetupError(f"{self._told(version)} has no file {name}; {TRAIN}")
        found = self.store.read(self._name(version, name), described["bytes"])
        if found is None:
            raise SetupError(f"{name} of {self._told(version)} is missing in {self.store.place}; {TRAIN}")
        if sha256_of(found.content) != described["sha256"]:
            raise SetupError(
                f"{name} of {self._told(version)} is not the one its manifest describes (checksum differs); {TRAIN}"
            )
        return found.content

    def files(self, manifest: Mapping[str, Any]) -> dict[str, bytes]:
        """Return all files of a version, checked; raises SetupError."""
        return {name: self.file(manifest, name) for name in manifest["files"]}

    def activate(self, version: Version, why: str) -> VersionLog:
        """Make a version the active one; of the one that is, nothing changes. Raises SetupError."""
        self.files(self.manifest(version))

        def entries(log: VersionLog) -> Sequence[LogEntry]:
            if log.active == version:
                return []
            return activation(log, version, Action.ACTIVATE, self._now(), self.by, why)

        return self.append(entries)

    def roll_back(self, why: str) -> VersionLog:
        """Make the version active that was active before; raises SetupError if there is none."""

        def entries(log: VersionLog) -> Sequence[LogEntry]:
            if log.active is None or log.previous is None:
                raise SetupError(
                    f"no version of event type {self.event_type} was active before {log.active or 'now'}; "
                    "choose one with: fraudstream models activate"
                )
            self.files(self.manifest(log.previous))
            return activation(log, log.previous, Action.ROLL_BACK, self._now(), self.by, why)

        return self.append(entries)

    def retire(self, version: Version, why: str) -> VersionLog:
        """Say that a version is no longer to be used; its files stay. Raises SetupError."""
        return self.append(lambda log: [self.entry(version, Action.RETIRE, why)])

    def delete(self, version: Version, why: str) -> VersionLog:
        """Remove a version's files; raises SetupError if it is active or in training."""

        def entries(log: VersionLog) -> Sequence[LogEntry]:
            if log.states.get(version) is State.DELETED:
                return []  # its files may be left from a deletion that was killed
            return [self.entry(version, Action.DELETE, why)]

        log = self.append(entries)
        self.remove_files(version)
        return log

    def write_files(self, version: Version, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
        """Write a version's files, the manifest last; return its checksum. Only the owner of a number calls it."""
        described = {
            **manifest,
            "version": str(version),
            "event_type": self.event_type,
            "files": manifests.listed(files),
        }
        described["content_sha256"] = manifests.content_sha256(described["files"])
        content = manifests.to_bytes(described)
        manifests.parsed(content, self.event_type, version, TRAIN)
        for name, data in [*files.items(), (manifests.MANIFEST, content)]:
            if not self.store.write(self._name(version, name), data, None):
                raise SetupError(
                    f"{self._told(version)} already has a file {name} in {self.store.place}; delete it"
                )
        return sha256_of(content)

    def remove_files(self, version: Version) -> None:
        """Remove what was written of a version, the manifest first."""
        names = self.store.names(self._name(version, ""))
        for name in sorted(names, key=lambda name: not name.endswith(f"/{manifests.MANIFEST}")):
            self.store.delete(name)

    def entry(self, version: Version, action: Action, why: str, manifest: str | None = None) -> LogEntry:
        """Return an entry of now by this user."""
        return LogEntry(self._now(), self.by, version, action, why, manifest)

    def append(self, entries: Callable[[VersionLog], Sequence[LogEntry]]) -> VersionLog:
        """Append what a function makes of the log; it is called again if somebody else appended in between."""
        return self._log.append(entries)

    def _listed(self, log: VersionLog, version: str) -> Version:
        number = Version.parsed(version)
        if number not in log.states:
            known = [str(each) for each, state in log.states.items() if state in HAS_FILES]
            raise SetupError(
                f"no model {number} of event type {self.event_type} in {self.store.place}"
                f"{did_you_mean(str(number), known) or f'; {TRAIN}'}"
            )
        return number

    def _active(self, log: VersionLog) -> Version:
        if log.active is not None:
            return log.active
        place = self.store.place
        if any(state is State.READY for state in log.states.values()):
            raise SetupError(
                f"no model of event type {self.event_type} in {place} is active, because none was good enough; to activate one "
                "anyway, see `fraudstream models list` and run: fraudstream models activate VERSION"
            )
        if self.store.read("current", 1000) is not None:
            raise SetupError(
                f"the models in {place} were made by an earlier release, which gave them names instead of versions; train again "
                f"with: fraudstream train, or import one with: fraudstream models import {place}/NAME/model.ubj"
            )
        raise SetupError(f"no model of event type {self.event_type} in {place}; {TRAIN}")

    def _name(self, version: Version, name: str) -> str:
        return f"{self.event_type}/{version}/{name}"

    def _told(self, version: Version) -> str:
        return f"model {version} of event type {self.event_type}"

    def _now(self) -> str:
        return self.clock().isoformat(timespec="seconds")
