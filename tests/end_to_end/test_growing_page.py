"""The commands of docs/growing.md, as they stand there."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.commands.running import environment
from tests.end_to_end.harness import ROOT, decisions_of, produce, settled
from tests.end_to_end.test_damaged_state import group_empty
from tests.end_to_end.test_worker import CARDS
from tests.shared import PATIENCE_S

BIN = Path(sys.executable).parent
PAGE = (ROOT / "docs/growing.md").read_text()
COMMANDS = re.findall(r"^    (.*fraudstream .+)$", PAGE, re.MULTILINE)
PAGES_PORT = "6066"


def test_the_page_has_the_commands_that_are_tried_here() -> None:
    """Two workers, and one command to grow."""
    assert 3 == len(COMMANDS)
    assert ["worker", "worker", "topics grow 12"] == [each.partition("fraudstream ")[2] for each in COMMANDS]


@contextmanager
def workers(settings: Settings, directory: Path, port: int) -> Iterator[list[Path]]:
    """Run the page's two workers in a directory; yield their logs."""
    logs = [directory / f"{name}-{settings.partitions}.log" for name in "ab"]
    running = []
    for command, log in zip(COMMANDS[:2], logs, strict=True):
        with log.open("wb") as out:
            given = environment(settings) | {"PATH": f"{BIN}:{os.environ['PATH']}"}
            shell = f"exec env {command.replace(PAGES_PORT, str(port))}"
            running.append(
                subprocess.Popen(["sh", "-c", shell], cwd=directory, env=given, stdout=out, stderr=out)
            )
    try:
        yield logs
        assert [None, None] == [each.poll() for each in running]
    finally:
        for each in running:
            each.send_signal(signal.SIGTERM)
        for each in running:
            each.wait(60)


async def decided(settings: Settings, name: str, logs: list[Path]) -> None:
    """Pay with every card once both workers have partitions, and wait for the decisions."""
    deadline = time.monotonic() + PATIENCE_S
    while not all(re.search(r"deciding partitions \d", log.read_text()) for log in logs):
        assert time.monotonic() < deadline, [log.read_text() for log in logs]
        await asyncio.sleep(0.2)
    sent = [
        {"tid": f"{name}-{number}", "cc_num": card, "amount": 2.0, "trans_ts": time.time()}
        for number, card in enumerate(CARDS)
    ]
    await produce(settings, [(str(each["cc_num"]).encode(), json.dumps(each).encode()) for each in sent])
    found = await decisions_of(settings, {str(each["tid"]) for each in sent})
    await settled(settings)
    nth = {"before": 1, "after": 2}[name]
    of_them = [each for each in found if each["transaction_id"].startswith(name)]
    assert {nth} == {each["features"]["num_trans_last_10m"] for each in of_them}


@pytest.mark.timeout(400)
async def test_two_workers_on_one_host_grow_to_twelve_partitions(
    world_settings: Settings, tmp_path: Path
) -> None:
    """They share the work, and every card's first payment is in the window of its second, twelve partitions later."""
    settings = world_settings.model_copy(update={"session_timeout_s": 6.0})
    own = {
        name: value for name, value in settings.model_dump().items() if name not in ("state_dir", "web_port")
    }
    settings = Settings(_env_file=None, **own)
    with workers(settings, tmp_path, free_port("127.0.0.1")) as logs:
        await decided(settings, "before", logs)
    await group_empty(settings)
    grown = await asyncio.create_subprocess_exec(
        *("sh", "-c", COMMANDS[2]),
        env=environment(settings) | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, asked = await grown.communicate(b"y\n")
    assert 0 == grown.returncode, asked
    assert b"Kafka cannot take partitions away again. Go on?" in asked
    assert b"start all workers with FRAUDSTREAM_PARTITIONS=12" in said
    wider = settings.model_copy(update={"partitions": 12})
    with workers(wider, tmp_path, free_port("127.0.0.1")) as logs:
        await decided(wider, "after", logs)
