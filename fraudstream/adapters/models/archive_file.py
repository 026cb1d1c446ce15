"""A model version as one file, to carry it from one registry to another: a zip of its files and its manifest."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from fraudstream.adapters.files import sha256_of
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry import manifest as manifests
from fraudstream.domain.registry.versions import Version

FIRST_BYTES = b"PK\x03\x04"
"""What a zip file begins with."""

FILES_MAX = 20
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip, so that the same version gives the same bytes; the manifest says when it was made."""

AGAIN = "export it again"

OF_ONE_REGISTRY = frozenset({"version", "event_type", "files", "content_sha256", "activation"})
"""Fields of a manifest that are written anew, or said nothing elsewhere."""


class Packed(NamedTuple):
    """What a file contains: files that are the ones their manifest describes."""

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    def carried(self) -> dict[str, Any]:
        """Return what a new version's manifest takes over."""
        kept = {name: value for name, value in self.manifest.items() if name not in OF_ONE_REGISTRY}
        source = {name: self.manifest[name] for name in ("version", "content_sha256")}
        return {**kept, "imported": source}


def packed(registry: Registry, version: Version) -> bytes:
    """Return a version as one file; raises SetupError if a file is not the one that was saved."""
    manifest = registry.manifest(version)
    content = {manifests.MANIFEST: manifests.to_bytes(manifest), **registry.files(manifest)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unpacked(content: bytes, event_type: str, place: str) -> Packed:
    """Read such a file, at most the bytes allowed of each part; raises SetupError unless every checksum is right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(names) > FILES_MAX or len(set(names)) != len(names) or manifests.MANIFEST not in names:
                raise SetupError(f"{place} is not a model that `fraudstream models export` wrote")
            manifest = _manifest(_part(archive, manifests.MANIFEST, place), event_type, place)
            files = {name: _part(archive, name, place) for name in names if name != manifests.MANIFEST}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise SetupError(f"{place} is damaged ({error}); {AGAIN}") from error
    described = manifest["files"]
    if files.keys() != described.keys():
        raise SetupError(f"{place} does not contain the files that its manifest describes; {AGAIN}")
    for name, data in files.items():
        if sha256_of(data) != described[name]["sha256"]:
            raise SetupError(
                f"{name} in {place} is not the one its manifest describes (checksum differs); {AGAIN}"
            )
    if manifest.get("content_sha256") != manifests.content_sha256(described):
        raise SetupError(f"the manifest in {place} was changed (checksum differs); {AGAIN}")
    return Packed(manifest, files)


def _part(archive: zipfile.ZipFile, name: str, place: str) -> bytes:
    allowed = manifests.MANIFEST_BYTES_MAX if name == manifests.MANIFEST else manifests.FILE_BYTES_MAX
    with archive.open(name) as part:
        data = part.read(allowed + 1)
    if len(data) > allowed:
        raise SetupError(
            f"{name[:80]!r} in {place} is larger than {allowed:,} bytes, the largest size allowed for it"
        )
    return data


def _manifest(content: bytes, event_type: str, place: str) -> dict[str, Any]:
    try:
        said = json.loads(content)
        version, other = Version.parsed(str(said["version"])), said["event_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"the manifest in {place} is not valid ({error}); {AGAIN}") from error
    if other != event_type:
        raise SetupError(
            f"{place} is a model for events of type {other!r}, not {event_type}; set FRAUDSTREAM_EVENT_TYPE"
        )
    return manifests.parsed(content, event_type, version, AGAIN)
