"""Formatting the directory Kafka keeps its data in: once, and all or nothing."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from fraudstream.adapters.broker.config import LOG_DIR
from fraudstream.adapters.broker.errors import BrokerError

DRAFT_DIR = f"{LOG_DIR}.draft"


def format_storage(java: Sequence[str], data_dir: Path, log: Path) -> None:
    """Format a fresh data directory with a cluster id of its own; a formatted one is left alone.

    Kafka's tool works on a draft that is then renamed, so a format that was killed half-way is simply done again.
    """
    if (data_dir / LOG_DIR / "meta.properties").exists():
        return
    shutil.rmtree(data_dir / DRAFT_DIR, ignore_errors=True)
    settings = (data_dir / "server.properties").read_text()
    draft = settings.replace(f"log.dirs={LOG_DIR}\n", f"log.dirs={DRAFT_DIR}\n")
    (data_dir / "format.properties").write_text(draft)
    command = [*java, "kafka.tools.StorageTool", "format", "-c", "format.properties", "-t", new_cluster_id()]
    answer = subprocess.run(  # noqa: S603 - a command line of our own making
        command, cwd=data_dir, capture_output=True, text=True, check=False
    )
    with log.open("a") as file:
        file.write(answer.stdout + answer.stderr)
    if answer.returncode != 0:
        last = (answer.stderr or answer.stdout).strip().splitlines()[-1:]
        raise BrokerError(f"Kafka cannot format {data_dir} ({''.join(last)}); see {log}")
    shutil.rmtree(data_dir / LOG_DIR, ignore_errors=True)
    (data_dir / DRAFT_DIR).rename(data_dir / LOG_DIR)


def cluster_id(data_dir: Path) -> str:
    """Return the id the directory was formatted with."""
    lines = (data_dir / LOG_DIR / "meta.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["cluster.id"]


def new_cluster_id() -> str:
    """Return a random id as Kafka writes them: 16 bytes, URL-safe base64, 22 characters, no leading dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
