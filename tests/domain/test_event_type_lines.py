"""In which line of an event type's file a key is."""

import re
import string

from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.events.event_type_file import line_of

KEYS = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=8)
ODD_KEYS = st.text(string.ascii_letters + " .=[]#'", min_size=1, max_size=8)
SPACES = st.sampled_from(["", " ", "  ", "\t"])
BETWEEN = st.lists(st.sampled_from(["", "# key = 1", "  # [table]"]), max_size=2)


@st.composite
def flat_files(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """Return the text of a file with tables of keys, and the line of every key."""
    lines: list[str] = []
    places: dict[tuple[str, ...], int] = {}
    names = draw(st.lists(KEYS | ODD_KEYS, min_size=1, max_size=4, unique=True))
    for table in (None, *names):
        if table is not None:
            lines += draw(BETWEEN)
            lines.append(f"{draw(SPACES)}[{draw(SPACES)}{written(draw, table)}{draw(SPACES)}]{draw(SPACES)}")
            places[(table,)] = len(lines)
        for key in draw(st.lists(KEYS | ODD_KEYS, max_size=4, unique=True)):
            if table is None and key in names:
                continue
            lines += draw(BETWEEN)
            lines.append(f"{draw(SPACES)}{written(draw, key)}{draw(SPACES)}={draw(SPACES)}1  # [x] y = 2")
            places[(key,) if table is None else (table, key)] = len(lines)
    return "\n".join(lines), places


def written(draw: st.DrawFn, key: str) -> str:
    """Return a key as TOML may have it: bare, or in quotes."""
    quotes = ['"'] * ('"' not in key) + ["'"] * ("'" not in key)
    bare = [""] if re.fullmatch("[A-Za-z0-9_-]+", key) else []
    quote = draw(st.sampled_from([*bare, *quotes]))
    return f"{quote}{key}{quote}"


@given(flat_files())
def test_the_line_of_every_key_is_found(file: tuple[str, dict[tuple[str, ...], int]]) -> None:
    """Whatever the keys are called, however they are quoted, and whatever comments hold."""
    text, places = file

    assert places == {path: line_of(text, path) for path in places}


def test_the_line_of_a_key_in_a_list_of_tables_is_found() -> None:
    """The second rule's, also with a dotted key and a quoted table."""
    text = '[[rules]]\nname = "a"\n[[rules]]\nname = "b"\n["x.y"]\nz.w = 1\n'

    assert [2, 4, 6, 5] == [
        line_of(text, path)
        for path in (("rules", 0, "name"), ("rules", 1, "name"), ("x.y", "z", "w"), ("x.y", "other"))
    ]
