"""Reads `[format]` and `[envelope]` of an event type's file."""

from collections.abc import Callable

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type_file import Path
from fraudstream.domain.events.wire import EnvelopeTable, FormatTable, Wire

Wrong = Callable[[Path, str], SetupError]
"""Makes the error that names the line of a key."""

BATCH = """say where the event is, e.g. payload = "after"; or that there are several, events = "array" or "lines\""""


def wire_of(file_format: FormatTable | None, envelope: EnvelopeTable | None, wrong: Wrong) -> Wire:
    """Return what a file declares of its records; raises SetupError for what does not fit together."""
    kind = "json" if file_format is None else file_format.kind
    if envelope is None:
        return Wire(kind)
    if envelope.payload is None and envelope.events == "one" and envelope.array is None:
        raise wrong(("envelope",), BATCH)
    if envelope.array is not None and envelope.events != "array":
        raise wrong(
            ("envelope", "array"),
            'this is where an array of events is: add events = "array", or leave this out',
        )
    if envelope.events == "lines" and kind != "json":
        raise wrong(
            ("envelope", "events"),
            f'lines are of plain JSON, and the format is {kind}: write "array", or leave [format] out',
        )
    return Wire(
        kind,
        _path(envelope.payload, ("envelope", "payload"), "payload.after", wrong),
        envelope.events,
        _path(envelope.array, ("envelope", "array"), "batch.transactions", wrong),
    )


def _path(text: str | None, path: Path, example: str, wrong: Wrong) -> tuple[str, ...]:
    names = () if text is None else tuple(text.split("."))
    if not all(names):
        aim = "the event" if path[-1] == "payload" else "the array of events"
        raise wrong(
            path, f'name the objects that lead to {aim}, joined by dots, e.g. {path[-1]} = "{example}"'
        )
    return names
