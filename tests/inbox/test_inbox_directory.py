"""An inbox in a directory: each file acts once, whatever is killed; what cannot be used is set aside with the reason."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from fraudstream.inbox.records import Records, State
from tests.inbox.inboxes import (
    ROWS,
    environment,
    events_in,
    inbox,
    killed,
    made_in,
    raw_csv,
    records,
    settled,
)
from tests.models import saved
from tests.notebook.test_open import trees
from tests.shared import PATIENCE_S

SETTLE = ("--settle", "0.2")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return an empty inbox."""
    directory = tmp_path / "new files"
    directory.mkdir()
    return directory


def run(place: Path, *arguments: str | Path) -> tuple[str | Path, ...]:
    """Return the arguments of an inbox that makes files to train and test on."""
    out = place.parent / "out"
    return ("run", place, "--action", "etl", "--out", out, "--once", *SETTLE, *arguments)


def test_a_file_becomes_files_to_train_on_once_and_is_on_record(place: Path, tmp_path: Path) -> None:
    """With name, size, hash, action, times and outcome; the file stays where it is, and is not taken again."""
    (place / "a.csv").write_bytes(raw_csv())
    (place / ".hidden.csv").write_bytes(b"x")
    (place / "b.csv.part").write_bytes(b"x")

    first, second = (inbox(tmp_path, *run(place, "--json")) for _ in range(2))

    assert (0, 0) == (first.returncode, second.returncode), first.stderr + second.stderr
    (told,) = map(json.loads, first.stdout.splitlines())
    assert "" == second.stdout
    assert [told] == records(tmp_path)
    assert ("a.csv", "etl", "done", 1, len(raw_csv())) == tuple(
        told[name] for name in ("name", "action", "state", "attempts", "size")
    )
    assert told["started"] <= told["finished"]
    assert {"train": 32, "test": 8} == told["outcome"]["events"]
    assert [Path(told["outcome"]["directory"]).name] == made_in(tmp_path / "out")
    assert f"a.csv.{told['sha256'][:12]}" == made_in(tmp_path / "out")[0]
    assert sorted(f"t{row}" for row in range(ROWS)) == events_in(tmp_path / "out")
    assert (place / "a.csv").read_bytes() == raw_csv()


def test_another_content_under_the_name_is_another_file_and_the_same_is_not(
    place: Path, tmp_path: Path
) -> None:
    """A file that is written again with what it had does nothing."""
    for content in (raw_csv(), raw_csv(), raw_csv(first=100), raw_csv()):
        (place / "a.csv").write_bytes(content)
        assert 0 == inbox(tmp_path, *run(place)).returncode

    assert 2 == len(made_in(tmp_path / "out")) == len(records(tmp_path))


@pytest.mark.parametrize("step", ["copied", "begun", "started", "acted", "recorded"])
def test_whatever_is_killed_a_file_acts_once(step: str, place: Path, tmp_path: Path) -> None:
    """Before it is on record, before its action, during it, after it and before that is on record, and at the end."""
    (place / "a.csv").write_bytes(raw_csv())

    killed(tmp_path, step, *run(place))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*/etl.json")}
    done = settled(tmp_path, *run(place))

    assert 0 == done.returncode, done.stderr
    (record,) = records(tmp_path)
    assert "done" == record["state"]
    assert {"copied": 1, "begun": 2, "started": 2, "acted": 2, "recorded": 1}[step] == record["attempts"]
    assert 1 == len(made_in(tmp_path / "out"))
    assert sorted(f"t{row}" for row in range(ROWS)) == events_in(tmp_path / "out")
    if step in ("acted", "recorded"):
        assert before == {path: path.stat().st_mtime_ns for path in before} != {}


def test_a_file_that_cannot_be_used_is_set_aside_with_the_reason_and_the_others_are_not(
    place: Path, tmp_path: Path
) -> None:
    """It stays so until it changes, or until somebody lets it be tried anew."""
    (place / "a-bad.csv").write_bytes(b"not,a,payment\n1,2,3\n")
    (place / "b-good.csv").write_bytes(raw_csv())

    first, second = (inbox(tmp_path, *run(place)) for _ in range(2))

    assert (1, 0) == (first.returncode, second.returncode)
    bad, good = records(tmp_path)
    assert ("set-aside", 1, "done") == (bad["state"], bad["attempts"], good["state"])
    assert "a-bad.csv" in bad["reason"]
    assert "set-aside" in inbox(tmp_path, "list", "--state", "set-aside").stdout
    assert 2 == inbox(tmp_path, "retry", "b-good.csv").returncode
    assert 0 == inbox(tmp_path, "retry", "a-bad.csv").returncode
    assert 1 == inbox(tmp_path, *run(place)).returncode
    (place / "a-bad.csv").write_bytes(raw_csv(first=50))
    assert 0 == inbox(tmp_path, *run(place)).returncode
    assert 2 == len(made_in(tmp_path / "out"))


def test_a_file_over_which_its_process_dies_again_and_again_is_set_aside(place: Path, tmp_path: Path) -> None:
    """After the attempts that were said; the next start says so instead of dying once more."""
    (place / "a.csv").write_bytes(raw_csv())
    attempts = ("--attempts", "2")

    for _ in range(2):
        killed(tmp_path, "begun", *run(place, *attempts))
    done = inbox(tmp_path, *run(place, *attempts))

    assert 1 == done.returncode
    (record,) = records(tmp_path)
    assert ("set-aside", "its process ended 2 times before the action had") == (
        record["state"],
        record["reason"],
    )
    assert [] == made_in(tmp_path / "out")


def test_a_file_that_is_still_being_written_is_not_taken(place: Path, tmp_path: Path) -> None:
    """Not before it has stopped changing; a file that is renamed to its name is whole."""
    content = raw_csv()
    watching = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "fraudstream",
            "inbox",
            "run",
            str(place),
            "--action",
            "etl",
            "--out",
            str(tmp_path / "out"),
            "--every",
            "0.2",
            "--settle",
            "3",
        ],
        env=environment(tmp_path),
    )
    try:
        with (place / "slow.csv").open("wb") as file:
            for start in range(0, len(content), 200):
                file.write(content[start : start + 200])
                file.flush()
                time.sleep(0.2)
        deadline = time.monotonic() + PATIENCE_S
        while not _all_done(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        watching.send_signal(signal.SIGTERM)
        assert 0 == watching.wait(60)

    assert sorted(f"t{row}" for row in range(ROWS)) == events_in(tmp_path / "out")
    assert [1] == [record["attempts"] for record in records(tmp_path)]


def _all_done(data_dir: Path) -> bool:
    """Tell whether there are files on record, all of them done."""
    found = Records(data_dir / "inbox" / "records.sqlite").all()
    return bool(found) and all(record.state is State.DONE for record in found)


def test_two_processes_do_not_work_on_one_inbox(place: Path, tmp_path: Path) -> None:
    """The second ends at once, with a sentence and code 75."""
    first = subprocess.Popen(
        [sys.executable, "-m", "fraudstream", "inbox", "run", str(place), "--action", "etl", "--out", "out"],
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    try:
        lock = tmp_path / "inbox"
        deadline = time.monotonic() + PATIENCE_S
        while not list(lock.glob("*.lock")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        second = inbox(tmp_path, *run(place))
    finally:
        first.terminate()
        assert 0 == first.wait(60)

    assert 75 == second.returncode
    assert "another process works on" in second.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--action", "etl"), "say with --out where etl is to write"),
        (("--action", "etl", "--out", "o", "--queue", "q"), "--queue is for an inbox in S3"),
        (("--action", "etl", "--out", "o", "--once"), "is not a directory; make it, or name another one"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """With code 2."""
    done = inbox(tmp_path, "run", tmp_path / "nowhere", *arguments)

    assert (2, True) == (done.returncode, said in done.stderr)


def test_a_stopped_action_is_no_attempt(place: Path, tmp_path: Path) -> None:
    """The next start begins it anew."""
    (place / "a.csv").write_bytes(raw_csv(200_000))
    watching = subprocess.Popen(
        [sys.executable, "-m", "fraudstream", "inbox", *map(str, run(place))],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stderr is not None
    assert "a.csv ..." in watching.stderr.readline()
    os.kill(watching.pid, signal.SIGTERM)
    watching.communicate()

    (record,) = records(tmp_path)
    assert ("waiting", 0, "stopped on request") == (record["state"], record["attempts"], record["reason"])
    assert 0 == inbox(tmp_path, *run(place)).returncode
    assert [("done", 1)] == [(record["state"], record["attempts"]) for record in records(tmp_path)]


@pytest.mark.parametrize("step", ["started", "acted"])
def test_whatever_is_killed_a_file_is_predicted_once(step: str, place: Path, tmp_path: Path) -> None:
    """In the midst of it, and after the decisions were put into place and before that is on record."""
    saved(tmp_path / "models", trees())
    (place / "a.csv").write_bytes(raw_csv())
    out = tmp_path / "out"
    arguments = ("run", place, "--action", "predict", "--out", out, "--once", *SETTLE)

    killed(tmp_path, step, *arguments)
    done = settled(tmp_path, *arguments)
    again = inbox(tmp_path, *arguments)

    assert (0, 0) == (done.returncode, again.returncode), done.stderr
    (record,) = records(tmp_path)
    decided = pl.read_csv(record["outcome"]["file"])
    assert ("done", ROWS) == (record["state"], decided.height)
    assert [f"t{row}" for row in range(ROWS)] == decided["tid"].to_list()
    assert ["decided"] == decided["status"].unique().to_list()
    assert [Path(record["outcome"]["file"]).name] == [path.name for path in out.iterdir()]
