"""Names that become part of a path, a topic or an address: only listed characters are allowed."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from fraudstream.domain.errors import SetupError

NAME_PATTERN = r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,63}"
"""No separators, nothing hidden, no `..`: a name is one component of a path wherever it is put."""

NAME = re.compile(NAME_PATTERN)


def validate_name(what: str, name: str) -> str:
    """Return a name from a file or an option if it is allowed; raises SetupError, which says `what` it names.

    >>> validate_name("model", "card-sample")
    'card-sample'
    """
    if not NAME.fullmatch(name):
        raise SetupError(
            f"{name[:80]!r} cannot be the name of {'an' if what[0] in 'aeiou' else 'a'} {what}: use letters, digits, '_', '-' and '.', at most 64 and no '.' first"
        )
    return name


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the known word nearest to an unknown one; empty if none is near.

    >>> did_you_mean("wroker", ["worker", "broker"])
    '; did you mean worker?'
    >>> did_you_mean("xyz", ["worker"])
    ''
    """
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
