"""Formatting the directory Kafka keeps its data in: once, and all or nothing."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from fraudstream.adapters.broker.config import LOG_DIR
from fraudstream.adapters.broker.errors import BrokerError
from fraudstream.adapters.broker.failures import explain

DRAFT_DIR = f"{LOG_DIR}.draft"


def format_storage(
    java: Sequence[str],
    data_dir: Path,
    log: Path,
    cluster: str | None = None,
    options: Sequence[str] = (),
) -> None:
    """Format a fresh data directory for `cluster` (default: a new one); a formatted directory is left alone.

    `options` go to Kafka's tool, e.g. `--add-scram` for the users a cluster starts with.

    Kafka's tool works on a draft that is then renamed, so a format that was killed half-way is simply done again.
    """
    home = data_dir / LOG_DIR
    if (home / "meta.properties").exists():
        return
    if home.exists() and any(home.iterdir()):
        raise BrokerError(
            f"{home} holds files that are not Kafka's; choose another --data-dir, or move them away"
        )
    shutil.rmtree(data_dir / DRAFT_DIR, ignore_errors=True)
    settings = (data_dir / "server.properties").read_text()
    draft = settings.replace(f"log.dirs={LOG_DIR}\n", f"log.dirs={DRAFT_DIR}\n")
    (data_dir / "format.properties").write_text(draft)
    action = (
        "format",
        "--config",
        "format.properties",
        "--cluster-id",
        cluster or new_cluster_id(),
        *options,
    )
    command = [*java, "kafka.tools.StorageTool", *action]
    with log.open("ab") as output:
        log_start = output.tell()
        answer = subprocess.run(  # noqa: S603 - a command line of our own making
            command, cwd=data_dir, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if answer.returncode != 0:
        raise explain(log, log_start, f"Kafka could not format its directory (code {answer.returncode})")
    (data_dir / DRAFT_DIR).rename(home)  # replaces an empty directory and no other


def cluster_id(data_dir: Path) -> str:
    """Return the id the directory was formatted with."""
    lines = (data_dir / LOG_DIR / "meta.properties").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["cluster.id"]


def new_cluster_id() -> str:
    """Return a random id as Kafka writes them: 16 bytes, URL-safe base64, 22 characters, no leading dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
