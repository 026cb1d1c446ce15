"""One training in the registry: its number, its lock, and its end, READY or FAILED."""

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fraudstream.adapters.models.lease import LEASE_BYTES_MAX, LEASE_S, Lease, until
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import TrainingUnderWay
from fraudstream.domain.registry.version_log import Action, LogEntry, State, VersionLog
from fraudstream.domain.registry.versions import Version

TRAINED = "trained"
DIED = "its process ended without saving it"


class Training:
    """A version in training; `save` makes it READY."""

    def __init__(self, registry: Registry, version: Version) -> None:
        self._registry = registry
        self.version = version

    def save(self, manifest: Mapping[str, Any], files: Mapping[str, bytes], why: str = TRAINED) -> None:
        """Write the version whole: files, manifest, then READY in the log. Raises SetupError if it was declared dead."""
        state = self._registry.log().states[self.version]
        if state is not State.TRAINING:
            raise SetupError(
                f"model {self.version} is {state}, because its training gave no sign of life for {LEASE_S:.0f} s; train again"
            )
        digest = self._registry.write_files(self.version, manifest, files)
        self._registry.append(lambda log: [self._registry.entry(self.version, Action.SAVE, why, digest)])


@contextmanager
def training(registry: Registry, major: int | None = None, lease_s: float = LEASE_S) -> Iterator[Training]:
    """Begin a training of the next major version, or of the next update of a major one, and hold its lock until it ends.

    What is not saved at the end has FAILED, with the error as the reason, and nothing of it is left. Raises
    TrainingUnderWay if another training of this major version is alive; a dead one is taken over.
    """
    while True:
        wanted = registry.log().next_version(major)
        owner = f"{registry.by} process {os.getpid()} {uuid.uuid4().hex[:8]}"
        lease = Lease(registry.store, _lock(registry, wanted.major), owner, registry.clock, lease_s)
        if lease.take():
            with lease:
                version = _begun(registry, wanted, major)
                if version is not None:
                    yield from _until_saved(registry, version)
                    return
        elif major is not None or registry.log().next_version(major) == wanted:
            raise TrainingUnderWay(
                f"another training of version {wanted.major} of event type {registry.event_type} has not ended; wait for it, "
                f"or if its process is dead, start again in {lease_s:.0f} s"
            )


def _until_saved(registry: Registry, version: Version) -> Iterator[Training]:
    """Give a training to its user, and record its failure if it is not saved."""
    try:
        yield Training(registry, version)
    except BaseException as error:
        _fail(registry, version, f"{type(error).__name__}: {error}"[:1000])
        raise
    _fail(registry, version, "it ended without saving a model")


def _fail(registry: Registry, version: Version, why: str) -> None:
    """Record that a version failed, unless it was saved or is recorded already, and remove what was written of it."""
    log = registry.append(
        lambda log: (
            [registry.entry(version, Action.FAIL, why)] if log.states[version] is State.TRAINING else []
        )
    )
    if log.states[version] is State.FAILED:
        registry.remove_files(version)


def _begun(registry: Registry, wanted: Version, major: int | None) -> Version | None:
    """Note the beginning; None if the number was taken meanwhile. Trainings that have died have FAILED then."""
    begun: list[Version] = []
    dead: list[Version] = []

    def entries(log: VersionLog) -> Sequence[LogEntry]:
        begun.clear()
        dead[:] = [
            each
            for each, state in log.states.items()
            if state is State.TRAINING and (each.major == wanted.major or not _alive(registry, each.major))
        ]
        failed = [registry.entry(each, Action.FAIL, DIED) for each in dead]
        version = log.next_version(major)
        if version.major != wanted.major:
            return failed
        begun.append(version)
        why = "a new model" if major is None else f"an update of {major}"
        return [*failed, registry.entry(version, Action.BEGIN, why)]

    registry.append(entries)
    for version in dead:
        registry.remove_files(version)
    return begun[0] if begun else None


def _alive(registry: Registry, major: int) -> bool:
    found = registry.store.read(_lock(registry, major), LEASE_BYTES_MAX)
    return found is not None and until(found.content, _lock(registry, major)) > registry.clock()


def _lock(registry: Registry, major: int) -> str:
    return f"{registry.event_type}/{major}.training.json"
