"""Loads a release, with every check that a worker makes before it decides with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.files import model_of
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.detector import Detector, check_model
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.fingerprint import FREE_IN_RELEASES, differing, fingerprint
from fraudstream.domain.registry import manifest as manifests
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.releases.dry_run import DryRun
from fraudstream.domain.releases.release import Release
from fraudstream.domain.rules import Ruleset

AGAIN = "draft the release again: fraudstream releases draft"


class Loaded(NamedTuple):
    """A release that passed every check, and what decides by it."""

    release: Release
    detector: Detector


class Check(NamedTuple):
    """A check that a release passed, and what was found."""

    what: str
    found: str


class ReleaseRefused(SetupError):
    """A release cannot be used; `check` says which check it failed."""

    def __init__(self, check: str, why: str) -> None:
        super().__init__(f"{check}: {why}")
        self.check = check


Passed = Callable[[Check], None]
"""Called after every check that was passed."""


def load(
    releases: Releases,
    sha256: str,
    event_type: EventType,
    dry_run: DryRun | None = None,
    passed: Passed = lambda _: None,
) -> Loaded:
    """Return a release and its detector, ready to decide; raises ReleaseRefused, or StoreUnavailable to try later."""
    with _checking("document"):
        release = releases.release(sha256)
    passed(Check("document", f"{len(release.content):,} bytes, SHA-256 {sha256}"))
    with _checking("event type"):
        _same_event_type(release, event_type)
    passed(Check("event type", f"{event_type.name}, declared as it was"))
    with _checking("artefacts"):
        files = releases.files(release)
    passed(Check("artefacts", f"{len(files)} files, {release.bytes_in_all:,} bytes, checksums are right"))
    with _checking("model"):
        model = _model(release, files)
    passed(Check("model", f"{model.version} is read by XGBoost"))
    with _checking("features"):
        check_model(model, event_type)
    passed(Check("features", f"{len(model.features)}, all declared"))
    with _checking("golden predictions"):
        release.golden.check(model)
    passed(Check("golden predictions", f"{len(release.golden.rows)} rows, equal bit by bit"))
    with _checking("rules"):
        ruleset = Ruleset.of_description(release.ruleset)
        detector = Detector.of(model, event_type, release.fraud_threshold, ruleset)
    passed(Check("rules", f"{len(ruleset.rules)}, version {ruleset.version}, fit the columns"))
    if dry_run is not None:
        with _checking("dry run"):
            found = dry_run.of(detector)
        passed(Check("dry run", found))
    return Loaded(release, detector)


def _same_event_type(release: Release, event_type: EventType) -> None:
    if release.event_type != event_type.name:
        raise SetupError(
            f"it is for events of the type {release.event_type}, not {event_type.name}; set FRAUDSTREAM_EVENT_TYPE"
        )
    changed = differing(release.declared, fingerprint(event_type, FREE_IN_RELEASES))
    if changed:
        raise SetupError(
            f"it was made when event type {event_type.name} declared another {', '.join(changed)}; {AGAIN}"
        )


def _model(release: Release, files: dict[str, bytes]) -> XGBoostModel:
    version = Version.parsed(release.model_version)
    manifest = manifests.parsed(files[manifests.MANIFEST], release.event_type, version, AGAIN)
    model = model_of(manifest, {name: files[name] for name in files if name != manifests.MANIFEST})
    if model.features != release.features:
        raise SetupError(f"its model takes other features than the release names; {AGAIN}")
    return model


@contextmanager
def _checking(check: str) -> Iterator[None]:
    """Say which check failed."""
    try:
        yield
    except SetupError as error:
        raise ReleaseRefused(check, str(error)) from error
