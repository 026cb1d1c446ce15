"""Who runs on a data directory: a small state file, believed only if the process it names is really our broker."""

import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fraudstream.adapters.broker.config import HOST

STATE_FILE = "broker.json"


@dataclass(frozen=True, slots=True)
class BrokerState:
    """What is worth knowing of a running broker; `started_at` in seconds since the epoch."""

    pid: int
    port: int
    controller_port: int
    cluster_id: str
    kafka_version: str
    java: str
    started_at: float

    @property
    def bootstrap(self) -> str:
        """Return the address clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def uptime_s(self) -> float:
        """Return the seconds since the broker was started."""
        return max(0.0, time.time() - self.started_at)

    def save(self, data_dir: Path) -> None:
        """Write the state file whole or not at all."""
        draft = data_dir / f".{STATE_FILE}.{os.getpid()}"
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(data_dir / STATE_FILE)


def saved_state(data_dir: Path) -> BrokerState | None:
    """Read the state file, however old; None if there is none or it cannot be understood."""
    try:
        return BrokerState(**json.loads((data_dir / STATE_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def running_state(data_dir: Path) -> BrokerState | None:
    """Return the state of the broker that runs on this data directory, or None if none does."""
    state = saved_state(data_dir)
    return state if state is not None and is_broker(state.pid, data_dir) else None


def forget(data_dir: Path) -> None:
    """Remove the state file."""
    (data_dir / STATE_FILE).unlink(missing_ok=True)


def identity_flag(data_dir: Path) -> str:
    """Return the Java option that marks a process as the broker of this data directory.

    Process ids are reused after a reboot; a command line that names the directory is not. The two slashes, which
    no resolved path holds, keep /a/b from being found in /a/bc.
    """
    return f"-Dfraudstream.broker={data_dir.resolve()}//"


def is_broker(pid: int, data_dir: Path) -> bool:
    """Tell whether `pid` is alive (not a zombie) and is the broker of this data directory."""
    return identity_flag(data_dir) in command_line(pid)


def command_line(pid: int) -> str:
    """Return a process's command line; empty if there is no such process or it is a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b"\n").decode(errors="replace")
        except OSError:
            return ""
    listing = subprocess.run(  # noqa: S603 - fixed options and a number
        ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout
