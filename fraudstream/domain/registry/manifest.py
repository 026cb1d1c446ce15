"""What is written about a model version, and what of it loading relies on."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import validate_name
from fraudstream.domain.registry.versions import Version

MANIFEST = "manifest.json"
MODEL_FILE = "model.ubj"

MANIFEST_BYTES_MAX = 1_000_000
FILE_BYTES_MAX = 100_000_000
"""Our models have 100 kB; a file this large is not a model and would only cost memory."""

FIELDS = {"event_type": str, "version": str, "features": list, "threshold": float, "files": dict}
"""What loading a model needs; the rest of a manifest is for people."""


def listed(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Return what a manifest says of files: name -> SHA-256 and size."""
    return {
        validate_name("model's file", name): {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
        }
        for name, content in sorted(files.items())
    }


def content_sha256(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one SHA-256 for all files of a version: the same content has the same, whatever the version is called."""
    lines = "".join(f"{name} {files[name]['sha256']}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def to_bytes(manifest: Mapping[str, Any]) -> bytes:
    """Return it as JSON that people can read."""
    return (json.dumps(manifest, indent=2) + "\n").encode()


def parsed(content: bytes, event_type: str, version: Version, again: str) -> dict[str, Any]:
    """Read and check a manifest; raises SetupError that ends in `again`, what to run."""
    told = f"the manifest of model {version} of event type {event_type}"
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise SetupError(f"{told} is not JSON; {again}") from error
    if not isinstance(manifest, dict):
        raise SetupError(f"{told} is not a JSON object; {again}")
    for name, kind in FIELDS.items():
        if not isinstance(manifest.get(name), kind):
            raise SetupError(f"{told} is not valid: {name} is missing or of a wrong type; {again}")
    if manifest["event_type"] != event_type or manifest["version"] != str(version):
        raise SetupError(f"{told} is not valid: it describes another version; {again}")
    if not 0 < manifest["threshold"] < 1:
        raise SetupError(f"{told} is not valid: the threshold must be between 0 and 1; {again}")
    if not all(isinstance(name, str) for name in manifest["features"]):
        raise SetupError(f"{told} is not valid: features must be names; {again}")
    for name, described in manifest["files"].items():
        validate_name("model's file", name)
        if not _describes(described):
            raise SetupError(f"{told} is not valid: {name} needs its sha256 and bytes; {again}")
    return cast(dict[str, Any], manifest)


def _describes(described: object) -> bool:
    return (
        isinstance(described, dict)
        and isinstance(described.get("sha256"), str)
        and isinstance(described.get("bytes"), int)
        and 0 <= described["bytes"] <= FILE_BYTES_MAX
    )
