"""The suite in a parallel run: tests that share a costly fixture run in one process."""

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xdist_group("shared"))
"""

TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(8))
def test_of_one_group(number):
    print("process", os.getpid())
"""


def test_tests_of_a_group_run_in_one_process(tmp_path: Path) -> None:
    """A module's broker or world is made once, not once in every process: pytest and pytest-xdist have to fit."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_group.py").write_text(TESTS)
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rP",
            "-p",
            "xdist",
            "-n2",
            "--dist=loadgroup",
            "-p",
            "no:cacheprovider",
            ".",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == run.returncode, run.stdout + run.stderr
    assert 8 == run.stdout.count("process ")
    assert 1 == len({line for line in run.stdout.splitlines() if line.startswith("process ")})
