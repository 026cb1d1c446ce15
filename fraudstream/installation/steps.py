"""What looking at a step that comes before deciding finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a step stands."""

    OK = "ok"
    MISSING = "missing"
    """Workers need it, and it is not there or wrong."""
    AWAY = "away"
    """It does not answer now."""
    LATER = "later"
    """Not there, and workers decide without it."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and what was found."""

    name: str
    state: State
    found: str
    command: str = ""
    """What makes it, or makes it right."""
