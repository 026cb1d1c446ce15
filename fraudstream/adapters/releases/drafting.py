"""Makes a release of a model version, rules and a threshold."""

from typing import NamedTuple

from fraudstream.adapters.models.files import model_of, name_of
from fraudstream.adapters.models.registry import ACTIVE, Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.fingerprint import FREE_IN_RELEASES, fingerprint
from fraudstream.domain.registry import manifest as manifests
from fraudstream.domain.releases.golden import Golden
from fraudstream.domain.releases.release import Artefact, Release
from fraudstream.domain.rules import Ruleset


class Drafted(NamedTuple):
    """A release that was drafted, and its number."""

    number: int
    release: Release


def draft(
    releases: Releases,
    registry: Registry,
    event_type: EventType,
    version: str = ACTIVE,
    ruleset: Ruleset | None = None,
    fraud_threshold: float | None = None,
    note: str = "",
    why: str = "",
) -> Drafted:
    """Keep a release of these parts, the event type's rules and the model's threshold unless others are given.

    Its model is loaded to compute the golden predictions. Raises SetupError if the parts do not fit.
    """
    manifest = registry.manifest(registry.resolve(version))
    files = registry.files(manifest)
    if manifests.MANIFEST in files:
        raise SetupError(f"model {manifest['version']} has a file called {manifests.MANIFEST}; train again")
    model = model_of(manifest, files)
    rules = event_type.ruleset if ruleset is None else ruleset
    detector = Detector.of(model, event_type, fraud_threshold, rules)
    described = manifests.to_bytes(manifest)
    files = {manifests.MANIFEST: described, **files}
    release = Release(
        event_type=event_type.name,
        declared=fingerprint(event_type, FREE_IN_RELEASES),
        model_version=manifest["version"],
        model_sha256=manifest["content_sha256"],
        features=model.features,
        artefacts={
            name: Artefact(each["sha256"], each["bytes"]) for name, each in manifests.listed(files).items()
        },
        ruleset=rules.described(),
        fraud_threshold=detector.fraud_threshold,
        golden=Golden.of(model),
        note=note,
    )
    release.check_limits(f"this release of event type {event_type.name}")
    number = releases.save(release, files, why or f"of model {name_of(manifest)}")
    return Drafted(number, release)
