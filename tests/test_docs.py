"""The documents say what the code does: tables are generated, names exist, links lead somewhere."""

import doctest
import importlib
import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fraudstream.cli import COMMANDS, cli
from fraudstream.process.exits import EXIT_CODES
from tests.commands.running import parse

ROOT = Path(__file__).parents[1]
PAGES = runpy.run_path(str(ROOT / "docs/make_reference.py"))["PAGES"]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    """If this is red, run: python docs/make_reference.py"""
    assert PAGES[name]() == (ROOT / "docs/reference" / name).read_text()


def test_the_steps_of_a_transaction_in_the_readme_exist() -> None:
    """Every function that the table names exists."""
    steps = re.findall(
        r"^\| [\w ]+ \|.*\| `([\w/]+)\.py` `([\w.]+)`", (ROOT / "README.md").read_text(), re.MULTILINE
    )

    assert 8 == len(steps)
    for file, name in steps:
        assert (ROOT / f"{file}.py").exists(), file
        module = file if file.startswith("fraudstream") else f"fraudstream/{file}"
        found = importlib.import_module(module.replace("/", "."))
        for part in name.split("."):
            found = getattr(found, part)


def test_the_commands_of_the_readme_can_be_typed_after_its_first_line() -> None:
    """What `source .venv/bin/activate` puts on the PATH is there, and every command has the options that are written."""
    section = (ROOT / "README.md").read_text().split("## Use it")[1].split("\n## ")[0]
    lines = [shlex.split(line, comments=True) for line in re.findall(r"^    (\S.*)$", section, re.MULTILINE)]
    typed = [words for words in lines if words[0] == "fraudstream"]

    assert ["source", ".venv/bin/activate"] == lines[0]
    assert (Path(sys.executable).parent / "fraudstream").exists()
    assert len(typed) == len(lines) - 1 >= 9
    for words in typed:
        parse(words[1:])


def test_no_command_s_line_in_a_list_is_cut_off() -> None:
    """A group lists its commands with a sentence each; click cuts what is longer, in the middle of a word's meaning."""
    groups = {
        name: group
        for name in COMMANDS
        if isinstance(group := cli.get_command(click.Context(cli), name), click.Group)
    }
    cut = [
        name
        for name, group in groups.items()
        if re.search(r"\.\.\.|\(e\.g\.", group.get_help(click.Context(group)).split("Commands:")[1])
    ]

    assert 7 <= len(groups)
    assert [] == cut


def test_every_command_s_exit_codes_are_in_the_table() -> None:
    """And those that a worker may end with are all told by `fraudstream worker --help`."""
    said = {
        path: {int(code) for code in re.findall(r"(?:^|, )(\d+) ", help_text.split("Exit codes: ")[1])}
        for path, help_text in helps(cli, "fraudstream")
        if "Exit codes:" in help_text
    }

    assert 20 <= len(said)
    assert {} == {path: codes for path, codes in said.items() if not codes <= set(EXIT_CODES)}
    assert set(EXIT_CODES) - {1, 130} == said["fraudstream worker"]


def helps(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    """Yield every command below one, and what it says of itself."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from helps(found, f"{path} {name}")
    else:
        yield path, " ".join((command.help or "").split())


def test_relative_links_lead_to_files() -> None:
    """In all documents."""
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in DOCUMENTS
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text())
        if not (document.parent / target).exists()
    ]

    assert [] == broken


def test_the_index_leads_to_every_document() -> None:
    """What it does not name is not found; decision records have their folder."""
    index = (ROOT / "docs/README.md").read_text()
    documents = [path for path in DOCUMENTS if path.parent.name != "decisions" and path.parent != ROOT]
    names = [path.relative_to(ROOT / "docs").as_posix() for path in documents]

    assert ["README.md"] == [name for name in names if f"({name})" not in index]


def test_every_extra_is_in_the_installation_s_table() -> None:
    """Who needs a library looks there for its extra."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/install.md").read_text(), re.MULTILINE)

    assert set(extras) == set(table)


def test_every_option_says_what_it_does() -> None:
    """In the reference as in --help; arguments stand in the usage."""
    rows = re.findall(r"^\| `-.*$", (ROOT / "docs/reference/commands.md").read_text(), re.MULTILINE)

    assert 100 <= len(rows)
    assert [] == [row for row in rows if row.endswith("|  |")]


def test_decision_records_are_numbered_without_gaps() -> None:
    """One record, one number."""
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]

    assert list(range(1, len(numbers) + 1)) == numbers


def test_every_package_says_what_it_is_for() -> None:
    """In the first line of its docstring."""
    silent = [
        str(path.relative_to(ROOT))
        for folder in ("fraudstream", "agents", "tables")
        for path in (ROOT / folder).rglob("*.py")
        if not path.read_text().startswith('"""')
    ]

    assert [] == silent


def test_the_architecture_names_every_folder_of_code() -> None:
    """And no file that is not there."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    folders = {f"`{path.relative_to(ROOT)}/`" for path in (ROOT / "fraudstream").iterdir() if path.is_dir()}
    folders -= {"`fraudstream/agents/`", "`fraudstream/tables/`"}
    adapters = ROOT / "fraudstream/adapters"
    folders |= {f"`adapters/{path.name}/`" for path in adapters.iterdir() if path.is_dir()}
    folders = {each for each in folders if "__pycache__" not in each}
    named = re.findall(
        r"`((?:adapters|agents|domain|offline|web)/[\w/]+\.py|(?:topics|acls|app|cli)\.py)`", text
    )

    assert [] == sorted(each for each in folders | {"`agents/`", "`tables/`"} if each not in text)
    assert 9 <= len(named)
    assert [] == [name for name in named if not (ROOT / "fraudstream" / name).is_file()]


def modules_with_examples() -> list[str]:
    """Return the modules of ours whose docstrings hold examples."""
    return [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        if folder == "fraudstream"
        else f"fraudstream.{path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}"
        for folder in ("fraudstream", "agents", "tables")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if ">>> " in path.read_text()
    ]


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_in_docstrings_hold(module: str) -> None:
    """They are run as doctests."""
    failed, tried = doctest.testmod(importlib.import_module(module))

    assert 0 == failed
    assert 0 < tried
