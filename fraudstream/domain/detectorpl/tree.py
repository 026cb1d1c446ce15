"""What a condition is made of. Every part has one of three types, so that nothing is compared with what it cannot be."""

from dataclasses import dataclass
from typing import Literal

Type = Literal["number", "text", "truth"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text in double quotes, or true or false."""

    value: float | str | bool
    type: Type


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the event, or a score."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers and `+ - * / %`."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type = "number"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values of the same type; `operator` as SQL writes it."""

    operator: str
    left: "Node"
    right: "Node"
    type: Type = "truth"


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a value is missing, or is not."""

    of: "Node"
    negated: bool
    type: Type = "truth"


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a value is one of several constants, or is not."""

    of: "Node"
    values: tuple[Constant, ...]
    negated: bool
    type: Type = "truth"


@dataclass(frozen=True, slots=True)
class OnList:
    """Whether the text of a variable is on a list, or is not."""

    of: Variable
    list: str
    negated: bool
    type: Type = "truth"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: "Node"
    type: Type = "truth"


@dataclass(frozen=True, slots=True)
class Joined:
    """Two conditions or more, of which all must hold (`and`), or one (`or`)."""

    word: str
    parts: tuple["Node", ...]
    type: Type = "truth"


@dataclass(frozen=True, slots=True)
class Changed:
    """Text in capital or in small letters; `function` as SQL writes it."""

    function: str
    of: "Node"
    type: Type = "text"


@dataclass(frozen=True, slots=True)
class Matching:
    """Whether the whole of a text has the form of a regular expression."""

    pattern: str
    of: "Node"
    type: Type = "truth"


Node = (
    Constant
    | Variable
    | Arithmetic
    | Comparison
    | Missing
    | Among
    | OnList
    | Not
    | Joined
    | Changed
    | Matching
)
