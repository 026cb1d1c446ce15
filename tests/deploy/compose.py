"""docker-compose.yml as the engine reads it, and its services as processes on this machine."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INTERPOLATED = re.compile(r"\$(?:\$|\{(\w+):-([^}]*)\})")
STOP_TIMEOUT_S = 20


def compose(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the file with its variables replaced: `${NAME:-default}` and `$$`, all of the syntax that it uses."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[1] is None else given.get(found[1]) or found[2]

    read: dict[str, Any] = yaml.safe_load(INTERPOLATED.sub(value, (ROOT / "docker-compose.yml").read_text()))
    return read


class Service:
    """One service's very command and environment, with places in containers replaced by places here."""

    def __init__(
        self, name: str, description: Mapping[str, Any], places: Mapping[str, str], extra: Mapping[str, str]
    ) -> None:
        def here(text: str) -> str:
            for place, instead in places.items():
                text = text.replace(place, instead)
            return text

        self.name = name
        self.command = [here(word) for word in description["command"]]
        self.environment = {key: here(text) for key, text in description["environment"].items()} | extra
        self.log_path = Path(places["/data"]).parent / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Service":
        """Start it; what it prints goes to a log."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment, "PATH": path},
                cwd=self.log_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def end(self, timeout_s: float) -> str:
        """Wait until it ends well and return what it printed."""
        assert self.process is not None
        code = self.process.wait(timeout_s)
        assert 0 == code, f"{shlex.join(self.command)} ended with code {code}:\n{self.said}"
        return self.said

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.log_path.read_text(errors="replace")

    def stop(self) -> None:
        """End it and what it started."""
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, 15)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
