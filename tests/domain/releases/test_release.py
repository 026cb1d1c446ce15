"""The document of a release: its identity, and what is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.manifest import MANIFEST
from fraudstream.domain.releases.golden import Golden
from fraudstream.domain.releases.release import Artefact, Release
from tests.builders import CountingModel

RELEASE = Release(
    event_type="card",
    declared={"entity": "1234abcd"},
    model_version="1.0",
    model_sha256="0" * 64,
    features=CountingModel.features,
    artefacts={MANIFEST: Artefact("1" * 64, 500), "model.ubj": Artefact("2" * 64, 90_000)},
    ruleset={"rules": []},
    fraud_threshold=0.25,
    golden=Golden.of(CountingModel()),
    note="the first",
)


def test_what_is_written_is_read() -> None:
    """Equal content has the same identity; one other word gives another."""
    read = Release.parsed(RELEASE.content, "a file")

    assert RELEASE == read
    assert RELEASE.sha256 == read.sha256
    assert RELEASE.sha256 != replace(RELEASE, note="the second").sha256


def test_the_order_of_keys_does_not_matter() -> None:
    """JSON is canonical: keys sorted, no spaces."""
    turned = replace(RELEASE, artefacts=dict(reversed(RELEASE.artefacts.items())))

    assert RELEASE.sha256 == turned.sha256


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("format", 2, "format 2, and this fraudstream reads 1; run the same version"),
        ("event_type", "../card", "cannot be the name"),
        ("artefacts", {MANIFEST: {"sha256": "../../x", "bytes": 1}}, "not a SHA-256"),
        ("artefacts", {}, "needs manifest.json"),
        (
            "artefacts",
            {MANIFEST: {"sha256": "1" * 64, "bytes": 10**12}},
            "1,000,000,000,000 bytes; a file may have",
        ),
        ("fraud_threshold", 1.5, "must be between 0 and 1"),
        ("ruleset", 7, "not a release"),
        ("golden", None, "not a release"),
    ],
)
def test_a_document_that_is_not_one_is_refused(key: str, value: Any, said: str) -> None:
    """With the reason; nothing of it is loaded, whatever size it declares."""
    changed = json.dumps(json.loads(RELEASE.content) | {key: value}).encode()

    with pytest.raises(SetupError, match=said):
        Release.parsed(changed, "card/releases/x.json")


def test_files_that_are_too_large_together_are_refused() -> None:
    """Each would be allowed alone."""
    many = {f"m{number}": Artefact("3" * 64, 90_000_000) for number in range(3)}

    with pytest.raises(SetupError, match=r"270,090,500 bytes; .* all together 200,000,000"):
        Release.parsed(replace(RELEASE, artefacts=RELEASE.artefacts | many).content, "it")
