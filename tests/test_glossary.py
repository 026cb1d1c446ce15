"""The glossary says what the code says: its names can be imported, and the words it gives up do not come back."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs/glossary.md").read_text()
USED, _, NOT_USED = GLOSSARY.partition("## Words that are not used")
ROWS = re.findall(r"^\| ([a-z][a-z -]*) \| (.+) \| `([\w.]+):([\w.]+)` \|$", USED, re.MULTILINE)
OLD_WORDS = re.findall(r"^\| (\w+) \| (?!but)(.+) \|$", NOT_USED, re.MULTILINE)


def exists(module: str, path: str) -> bool:
    """Tell whether a module has a name, or a class of it an attribute or a declared field."""
    found: object = importlib.import_module(module)
    for name in path.split("."):
        if name in getattr(found, "model_fields", {}):
            return True
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def names_of(path: Path) -> Iterator[str]:
    """Yield every name that a file gives or uses, and its own."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        for field in ("name", "id", "attr", "arg", "asname"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def words_of(name: str) -> set[str]:
    """Return the words of a name, `PoisonRecord` or `poison_records`, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_every_row_of_the_glossary_is_read() -> None:
    """A row that the pattern passes over would not be checked; a word stands there once."""
    rows = [line for line in USED.splitlines() if line.startswith("| ") and not line.startswith("| word |")]
    words = [word for word, *_ in ROWS]

    assert len(rows) == len(ROWS)
    assert 40 <= len(words) == len(set(words))


def test_every_name_of_the_glossary_can_be_imported() -> None:
    """What is renamed in code is renamed there."""
    assert [] == [f"{module}:{path}" for _, _, module, path in ROWS if not exists(module, path)]


def test_the_words_that_are_not_used_do_not_come_back() -> None:
    """In no name of the packages, whatever their documentation says."""
    old = {word for word, _ in OLD_WORDS}
    back = [
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ("fraudstream", "agents", "tables")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in sorted(set(names_of(path)))
        if words_of(name) & old
    ]

    assert {"weather", "condemned", "culprit", "verdict"} <= old
    assert [] == back
