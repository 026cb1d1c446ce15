"""The words of an expression, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


class NotACondition(Exception):
    """A text that is no condition in DETECTORPL; the sentence says why, and where."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word: `kind` is number, text, variable, name, sign or end."""

    kind: str
    text: str
    place: int


TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,15}(?:\.\d{1,15})?(?![\w.]))"
    r'|"(?P<text>(?:[^"\\]|\\.)*)"'
    r"|\$(?P<variable>[A-Za-z_]\w*)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>==|!=|>=|<=|[-+*/%<>!()\[\],@]))",
    re.ASCII | re.DOTALL,
)
ESCAPED = re.compile(r'\\(["\\])')
"""A quotation mark or a backslash in a text; any other backslash is itself, as regular expressions need it."""


def tokens(text: str) -> Iterator[Token]:
    """Yield the words; raises NotACondition."""
    place, end = 0, len(text.rstrip())
    while place < end:
        found = TOKEN.match(text, place)
        if found is None:
            raise NotACondition(f"what begins at character {place + 1} is not understood")
        kind = found.lastgroup or ""
        word = found[kind]
        yield Token(kind, ESCAPED.sub(r"\1", word) if kind == "text" else word, found.start(kind) + 1)
        place = found.end()
    yield Token("end", "the end", end + 1)
