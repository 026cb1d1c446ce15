"""Event types on disk: those of the package, and the user's own files."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.names import did_you_mean, validate_name

ENDING = ".toml"


def event_types() -> list[str]:
    """Return the names of the event types in the package."""
    names = (path.name for path in files("fraudstream.event_types").iterdir())
    return sorted(name.removesuffix(ENDING) for name in names if name.endswith(ENDING))


def is_file(name: str) -> bool:
    """Tell whether an event type is given as a file: `./payout.toml` is one, `card` is none."""
    return name.endswith(ENDING)


def text_of(name: str) -> str:
    """Return the declaration of an event type of the package, or of a file; raises SetupError if there is none."""
    if is_file(name):
        return _text_of_file(Path(name))
    try:
        path = files("fraudstream.event_types") / f"{validate_name('event type', name)}{ENDING}"
    except SetupError as error:
        raise SetupError(f"{error}; the path of your own file ends with {ENDING}") from error
    if not path.is_file():
        known = event_types()
        raise SetupError(
            f"there is no event type {name!r}; the package has: {', '.join(known)}{did_you_mean(name, known)}; "
            f"to use your own file, give its path, which ends with {ENDING}, e.g. ./payout.toml"
        )
    return path.read_text(encoding="utf-8")


def _text_of_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows begins UTF-8 with a byte order mark
    except FileNotFoundError as error:
        beside = [other.name for other in path.parent.glob(f"*{ENDING}")]
        raise SetupError(
            f"there is no file {path}{did_you_mean(path.name, beside)}; "
            "to begin with a copy of card, run: fraudstream event-types show card"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"the event type {path} cannot be read: {error}") from error


@lru_cache(maxsize=32)
def _read(text: str, where: str) -> EventType:
    return Declaration(text, where).read()


def event_type_named(name: str) -> EventType:
    """Load an event type of the package by its name, or of a file by its path; raises SetupError that names the line."""
    return _read(text_of(name), name if is_file(name) else f"{name}{ENDING}")
