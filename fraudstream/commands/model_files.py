"""`fraudstream models export` and `import`: versions as files."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.domain.errors import SetupError

if TYPE_CHECKING:
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.domain.events.event_type import EventType


@click.command("export")
@click.argument("version", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.  [default: <event type>-<version>.zip here]",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print version, file and content_sha256 as JSON.")
def export_(version: str | None, out: Path | None, force: bool, as_json: bool) -> None:
    """Write a VERSION as one file, which `fraudstream models import` reads elsewhere.

    Without VERSION it is the active one. Every byte is checked first. The same version always gives the same file.

    Exit codes: 0 written, 2 no such version, or the file exists.
    """
    from fraudstream.adapters.files import write_atomically
    from fraudstream.adapters.models.archive_file import packed
    from fraudstream.adapters.models.registry import ACTIVE

    registry, _ = _opened()
    number = registry.resolve(version or ACTIVE)
    path = out or Path(f"{registry.event_type}-{number}.zip")
    if path.exists() and not force:
        raise SetupError(f"{path} exists; replace it with --force")
    content = packed(registry, number)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise SetupError(f"{path} cannot be written ({error.strerror})") from error
    digest = registry.manifest(number)["content_sha256"]
    if as_json:
        click.echo(json.dumps({"version": str(number), "file": str(path), "content_sha256": digest}))
    else:
        click.echo(f"model {number} of event type {registry.event_type} in {path} (content SHA-256 {digest})")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--update",
    type=click.IntRange(min=1),
    metavar="MAJOR",
    help="Make it an update of this major version.  [default: a new major version]",
)
@click.option(
    "--features",
    metavar="A,B,...",
    help="Features of an XGBoost model in the order of its columns, if it does not name them itself.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability above which a payment is fraud; needed for an XGBoost model that was made elsewhere.",
)
@click.option(
    "--trained-until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="UTC time until which an XGBoost model has learnt; `fraudstream models report` judges it by later payments.",
)
@click.option("--why", default="", help="Reason, for the history.")
@click.option("--json", "as_json", is_flag=True, help="Print the new version's manifest as JSON.")
def import_(
    file: Path,
    update: int | None,
    features: str | None,
    threshold: float | None,
    trained_until: datetime | None,
    why: str,
    as_json: bool,
) -> None:
    """Make a version of FILE: what `fraudstream models export` wrote, or an XGBoost model as UBJ or JSON.

    An XGBoost model may be made by XGBoost 1.7 or later. It must return a probability, and its features must be numbers that the
    event type or the package declares. The version is READY; `fraudstream models activate` makes workers load it.

    Exit codes: 0 imported, 2 the file or its features do not fit, 75 a training of the same major version has not ended.
    """
    from fraudstream.adapters.models.training import training

    registry, event_type = _opened()
    fields, files = _read(file, event_type, features, threshold, trained_until)
    with training(registry, update) as made:
        made.save(fields, files, f"imported from {file.name}{f': {why}' if why else ''}")
    manifest = registry.manifest(made.version)
    if as_json:
        click.echo(json.dumps(manifest))
        return
    click.echo(f"model {made.version} of event type {registry.event_type}: {', '.join(manifest['features'])}")
    click.echo(f"content SHA-256 {manifest['content_sha256']}")
    click.echo(f"not active; activate it with: fraudstream models activate {made.version}")


def _opened() -> tuple["Registry", "EventType"]:
    """Return the registry of the event type that is set, and that."""
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.settings import Settings

    settings = Settings()
    return Registry.of(settings), event_type_named(settings.event_type)


def _read(
    file: Path,
    event_type: "EventType",
    features: str | None,
    threshold: float | None,
    trained_until: datetime | None,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return what the new version's manifest says, and its files, after checking them; raises SetupError."""
    from fraudstream.adapters.files import sha256_of
    from fraudstream.adapters.models.archive_file import FIRST_BYTES, unpacked
    from fraudstream.adapters.models.files import inputs_in
    from fraudstream.adapters.models.foreign import check_declared, foreign_model
    from fraudstream.domain.events.treatment_table import types_of
    from fraudstream.domain.registry.manifest import FILE_BYTES_MAX, MODEL_FILE

    content = _content(file, FILE_BYTES_MAX)
    if content.startswith(FIRST_BYTES):
        found = unpacked(content, event_type.name, str(file))
        if features is not None or threshold is not None or trained_until is not None:
            raise SetupError(
                f"{file} says what the model needs; leave --features, --threshold and --trained-until out"
            )
        inputs = inputs_in(found.files, found.manifest["version"])
        inputs.check(found.manifest["version"], found.manifest["features"], types_of(event_type.variables))
        numbers = [name for name in found.manifest["features"] if name not in inputs.names]
        check_declared(numbers, event_type, str(file))
        return found.carried(), dict(found.files)
    named = tuple(name.strip() for name in features.split(",")) if features else ()
    made = foreign_model(content, named, event_type, str(file))
    if threshold is None:
        raise SetupError(
            f"{file} has no threshold; say with --threshold above which probability a payment is fraud"
        )
    fields = {
        "features": list(made.features),
        "threshold": threshold,
        "imported": {"file": file.name, "sha256": sha256_of(content)},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if trained_until is not None:
        fields["trained_until"] = trained_until.replace(tzinfo=UTC).isoformat(timespec="seconds")
    return fields, {MODEL_FILE: made.ubj}


def _content(file: Path, bytes_max: int) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(bytes_max + 1)
    except OSError as error:
        raise SetupError(f"{file} cannot be read ({error.strerror})") from error
    if len(content) > bytes_max:
        raise SetupError(f"{file} is larger than {bytes_max:,} bytes, the largest size allowed for a model")
    return content
