"""Checks of the rules in CONTRIBUTING."""

import ast
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

from tests.layers import ABOVE, LAYERS

pytestmark = pytest.mark.xdist_group("tidy")  # one process reads the sources, not each

ROOT = Path(__file__).parents[1]
FOLDERS = ("fraudstream", "agents", "tables", "tests", "benchmarks")
LINES_MAX = 300
MEDIAN_LINES_MAX = 130
FUNCTION_LINES_MAX = 60

PURE = {"fraudstream", "msgspec", "numpy", "polars", "murmurhash2"}
"""What the domain may import beside the standard library: columns, JSON and a hash; no Faust, no I/O, no model library."""

IMPURE_STDLIB = {"asyncio", "logging", "os", "pathlib", "random", "socket", "subprocess", "threading", "time"}


class Function(NamedTuple):
    """A function as it stands in a file."""

    name: str
    line: int
    lines: int
    explained: bool


class Written(NamedTuple):
    """What the tests here ask of a file."""

    imports: tuple[str, ...]
    functions: tuple[Function, ...]
    swallowed: tuple[int, ...]
    """Lines with an `except` that does nothing."""


@cache
def sources() -> list[Path]:
    """Return every Python file of ours once."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "__pycache__" not in path.parts]


def inside(layer: str) -> list[Path]:
    """Return the files of a layer, without those of a room in it that is a layer of its own."""
    return [path for path in ours() if layer_of(module_of(path)) == layer]


def ours() -> list[Path]:
    """Return every Python file of the package."""
    return [path for path in sources() if path.relative_to(ROOT).parts[0] not in {"benchmarks", "tests"}]


def layer_of(module: str) -> str:
    """Return the layer that a module of ours is in: by its first two names, else by its first."""
    _, first, second, *_ = (*module.split("."), "", "")
    return f"{first}.{second}" if f"{first}.{second}" in LAYERS else first


def module_of(path: Path) -> str:
    """Return a file's dotted name."""
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return name if name.startswith("fraudstream.") else f"fraudstream.{name}"


@cache
def written(path: Path) -> Written:
    """Read a file once for all tests: parsing all of them takes a second."""
    imports: list[str] = []
    functions: list[Function] = []
    swallowed: list[int] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            functions.append(Function(node.name, node.lineno, lines, bool(ast.get_docstring(node))))
        elif isinstance(node, ast.ExceptHandler) and all(isinstance(part, ast.Pass) for part in node.body):
            swallowed.append(node.lineno)
    return Written(tuple(imports), tuple(functions), tuple(swallowed))


def test_files_and_functions_are_short() -> None:
    """A function fits on a screen."""
    lengths = {path: len(path.read_text().splitlines()) for path in sources()}
    long = [f"{path.relative_to(ROOT)}: {lines}" for path, lines in lengths.items() if lines > LINES_MAX]
    for path in sources():
        long += [
            f"{path.relative_to(ROOT)}:{each.line} {each.name}: {each.lines}"
            for each in written(path).functions
            if each.lines > FUNCTION_LINES_MAX
        ]

    assert [] == long
    assert MEDIAN_LINES_MAX >= median(lines for lines in lengths.values() if lines > 5)


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_one_way(layer: str) -> None:
    """A lower layer never knows a higher one."""
    allowed = LAYERS[layer] | {layer}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in inside(layer)
        for name in written(path).imports
        if name.startswith("fraudstream.") and layer_of(name) not in allowed
    ]

    assert [] == wrong


def test_every_package_has_its_layer() -> None:
    """A package that nobody named could import anything."""
    layers = {layer_of(module_of(path)) for path in ours()} - {"fraudstream"}

    assert LAYERS.keys() | ABOVE == layers


def test_layers_do_not_need_each_other_in_circles() -> None:
    """What the table allows can be sorted from the lowest layer to the highest, and is."""
    below = list(LAYERS)

    assert [] == [layer for layer, needs in LAYERS.items() if not needs <= set(below[: below.index(layer)])]


def test_modules_do_not_need_each_other_in_circles() -> None:
    """Imports inside functions count, too."""
    files = {module_of(path): path for path in ours()}
    needs = {
        module: {
            name if name in files else name.rpartition(".")[0]
            for name in written(path).imports
            if name.startswith("fraudstream.")
        }
        & files.keys()
        for module, path in files.items()
    }

    assert len(files) == len(list(TopologicalSorter(needs).static_order()))


def test_deciding_needs_no_kafka() -> None:
    """Payments over HTTP or in a file are decided by the same code, where neither Faust nor a consumer is."""
    modules = [module_of(path) for path in inside("deciding")]
    loaded = (
        f"import sys, {', '.join(modules)}; print({{'faust', 'aiokafka', 'rocksdict'}} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert "set()" == done.stdout.strip()


def test_the_domain_is_pure() -> None:
    """No Faust, no I/O, no clock."""
    wrong = [
        f"{path.name} imports {name}"
        for path in inside("domain")
        for name in written(path).imports
        if (top := name.split(".")[0]) not in PURE
        and (top not in sys.stdlib_module_names or top in IMPURE_STDLIB)
    ]
    clocks = [
        path.name for path in inside("domain") if re.search(r"\.now\(|time\.time|\bopen\(", path.read_text())
    ]

    assert [] == wrong
    assert [] == clocks


def test_agents_and_tables_are_imported_by_their_full_names() -> None:
    """The bare names belong to other packages on PyPI."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources()
        for name in written(path).imports
        if name.split(".")[0] in {"agents", "tables"}
    ]

    assert [] == wrong


def test_nothing_is_mocked() -> None:
    """Fakes implement our own Protocols and pass the contracts of the real thing."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources()
        for name in written(path).imports
        if "mock" in name.lower()
    ]

    assert [] == wrong


def test_no_error_is_swallowed_and_nothing_is_left_to_do() -> None:
    """No `except ...: pass`, and no notes about work to be done later."""
    wrong = []
    for path in sources():
        text = path.read_text()
        if path != Path(__file__) and re.search(r"\b(TODO|FIXME|XXX)\b", text):
            wrong.append(f"{path.relative_to(ROOT)}: something left to do")
        wrong += [f"{path.relative_to(ROOT)}:{line}: swallowed" for line in written(path).swallowed]

    assert [] == wrong


def test_every_test_says_what_it_means() -> None:
    """A test's docstring is the sentence its name had no room for."""
    wrong = [
        f"{path.relative_to(ROOT)}:{each.line} {each.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for each in written(path).functions
        if each.name.startswith("test_") and not each.explained
    ]

    assert [] == wrong


def test_migrations_are_one_chain() -> None:
    """Each builds on the one before and has its file's number; of two with one number only one would be run."""
    files = sorted((ROOT / "fraudstream/adapters/database/migrations/versions").glob("0*.py"))
    found = [
        re.findall(r'^(?:down_)?revision = "?(\w+)"?$', path.read_text(), re.MULTILINE) for path in files
    ]
    numbers = [f"{number:04d}" for number in range(1, len(files) + 1)]

    assert numbers == [path.name[:4] for path in files]
    assert [list(each) for each in zip(numbers, ["None", *numbers], strict=False)] == found
