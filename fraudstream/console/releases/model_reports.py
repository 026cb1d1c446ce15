"""Reports of model versions: made by the command in a process of its own, one after the other, and kept as files."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fraudstream.domain.registry.versions import Version
from fraudstream.settings import Settings

WITHIN_S = 3600
SAID_MAX = 500


class ModelReports:
    """The reports of one event type's versions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = settings.data_dir / "console" / "reports"
        self._making: dict[Version, str] = {}
        """Version -> why it could not be made; empty while it is being made."""
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="report")

    def path(self, event_type: str, version: Version) -> Path | None:
        """Return the file of a report, if it was made."""
        path = self._place(event_type, version)
        return path if path.is_file() else None

    def state(self, version: Version) -> str | None:
        """Return why a report could not be made, empty while it is being made; None if nobody has asked for it."""
        return self._making.get(version)

    def make(self, event_type: str, version: Version) -> None:
        """Begin to make a report, unless it is being made."""
        with self._lock:
            if self._making.get(version) == "":
                return
            self._making[version] = ""
        self._threads.submit(self._made, event_type, version)

    def _made(self, event_type: str, version: Version) -> None:
        path, settings = self._place(event_type, version), self._settings
        environment = os.environ | {
            "FRAUDSTREAM_DATA_DIR": str(settings.data_dir),
            "FRAUDSTREAM_EVENT_TYPE": settings.event_type,
            "FRAUDSTREAM_MODELS": str(settings.models_place),
        }
        command = [sys.executable, "-m", "fraudstream", "models", "report", str(version), "--out", str(path)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            done = subprocess.run(  # noqa: S603 - our own command
                command, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._making[version] = f"it could not be made ({type(error).__name__})"
            return
        if done.returncode == 0:
            del self._making[version]
        else:
            last = done.stderr.strip().rpartition("\n")[2].removeprefix("Error: ")
            self._making[version] = last[:SAID_MAX] or f"exit code {done.returncode}"

    def _place(self, event_type: str, version: Version) -> Path:
        return self._directory / f"{event_type}-{version}.html"
