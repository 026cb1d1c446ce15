"""`fraudstream produce` as users and scripts run it: real processes, a real broker, kills included."""

import asyncio
import json
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.settings import Settings
from tests.commands.running import begin, fraudstream
from tests.end_to_end.harness import read_all
from tests.shared import PATIENCE_S

SPEED_THAT_LASTS_A_WHILE = "40000"


def payments_in(settings: Settings, topic: str = "transactions") -> list[dict[str, Any]]:
    """Return what a topic holds."""
    records = asyncio.run(read_all(settings, topic))
    return [json.loads(record.value) for record in records if record.value is not None]


@pytest.fixture
def one_day(small_world: Path) -> tuple[Path, int]:
    """Return one day of the small world's history and how many payments it holds."""
    path = sorted((small_world / "history").glob("date=*"))[0] / "payments.parquet"
    return path, len(pl.read_parquet(path))


def test_a_replay_sends_everything_once_and_counts_it(
    kafka_settings: Settings, one_day: tuple[Path, int]
) -> None:
    """`--json` is for scripts: the last line says what was done."""
    path, rows = one_day
    done = fraudstream(kafka_settings, "produce", "replay", path, "--speed", "max", "--json")
    facts = json.loads(done.stdout)

    assert 0 == done.returncode, done.stderr
    assert (rows, 0, True) == (facts["sent"], facts["errors"], facts["complete"])
    assert list(range(rows)) == sorted(payment["tid"] % 10_000_000 for payment in payments_in(kafka_settings))
    assert [] == payments_in(kafka_settings, "labels")


def test_a_killed_replay_goes_on_without_a_gap(
    kafka_settings: Settings, one_day: tuple[Path, int], tmp_path: Path
) -> None:
    """kill -9, three times. What is sent twice is the same payment to the letter, so the worker counts it once."""
    path, rows = one_day
    command = ["produce", "replay", path, "--shift-to-now", "last", "--resume", tmp_path / "mark"]
    for _ in range(3):
        sending = begin(kafka_settings, *command, "--speed", SPEED_THAT_LASTS_A_WHILE)
        acknowledged = _acknowledged(tmp_path / "mark")
        deadline = time.monotonic() + PATIENCE_S
        while _acknowledged(tmp_path / "mark") <= acknowledged:
            assert time.monotonic() < deadline, "the replay makes no progress"
            time.sleep(0.05)
        sending.kill()
        sending.communicate()
    assert _acknowledged(tmp_path / "mark") < rows, "the replay was over before it could be killed"
    done = fraudstream(kafka_settings, *command, "--speed", "max")
    sent = payments_in(kafka_settings)

    assert 0 == done.returncode, done.stderr
    assert rows == _acknowledged(tmp_path / "mark")
    assert set(range(rows)) == {payment["tid"] % 10_000_000 for payment in sent}
    assert rows == len({json.dumps(payment) for payment in sent})


def _acknowledged(bookmark: Path) -> int:
    """Return the position in a bookmark, 0 if there is none yet."""
    return int(json.loads(bookmark.read_text())["acknowledged"]) if bookmark.exists() else 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_replay_says_how_to_go_on(
    kafka_settings: Settings, one_day: tuple[Path, int], number: signal.Signals
) -> None:
    """It waits for what is on its way, closes in order and ends with 1: not everything was sent."""
    sending = begin(kafka_settings, "produce", "replay", one_day[0])
    deadline = time.monotonic() + PATIENCE_S
    while not payments_in(kafka_settings):
        assert time.monotonic() < deadline, "nothing was sent"
    sending.send_signal(number)
    said, _ = sending.communicate(timeout=PATIENCE_S)

    assert 1 == sending.returncode
    assert "with --resume FILE a later run could continue" in said
    assert "Traceback" not in said


def test_bad_rows_are_listed_and_nothing_is_sent(kafka_settings: Settings, tmp_path: Path) -> None:
    """Half a file would be worse than none: correct it, or use --skip-bad."""
    path = tmp_path / "payments.csv"
    path.write_text(
        "cc_num,amount,trans_ts\n4000000000000002,1,1580000000\n4000000000000002,oops,1580000001\n"
    )
    refused = fraudstream(kafka_settings, "produce", "replay", path, "--speed", "max")
    before = payments_in(kafka_settings)
    skipped = fraudstream(kafka_settings, "produce", "replay", path, "--speed", "max", "--skip-bad")

    assert 2 == refused.returncode
    assert "line 3: invalid-field" in refused.stderr
    assert [] == before
    assert 0 == skipped.returncode, skipped.stderr
    assert [1.0] == [payment["amount"] for payment in payments_in(kafka_settings)]


def test_simulated_payments_have_their_labels_in_a_topic_of_their_own(world_settings: Settings) -> None:
    """Rate times seconds payments; each has one label in `labels`, and none in its own record."""
    done = fraudstream(
        world_settings, "produce", "simulate", "--rate", "8", "--for", "3", "--attacks", "200", "--json"
    )
    facts = json.loads(done.stdout)
    sent = payments_in(world_settings)
    labels = {label["transaction_id"]: label for label in payments_in(world_settings, "labels")}

    assert 0 == done.returncode, done.stderr
    assert facts["sent"] == len(sent)
    assert 24 <= facts["sent"]
    assert {str(payment["tid"]) for payment in sent} == set(labels)
    assert facts["fraud"] == sum(label["fraud"] for label in labels.values())
    assert {"cc_num", "amount", "trans_ts", "tid", "merchant", "zip_code"} == set(sent[0])


def test_simulated_labels_come_late_and_the_command_says_how_many_are_to_come(
    world_settings: Settings,
) -> None:
    """Ten days pass in a second; what is not known at the end is said."""
    options = ("--rate", "8", "--for", "4", "--attacks", "200", "--late-labels", "864000", "--json")
    done = fraudstream(world_settings, "produce", "simulate", *options)
    facts = json.loads(done.stdout)
    sent = {str(payment["tid"]) for payment in payments_in(world_settings)}
    labels = payments_in(world_settings, "labels")

    assert 0 == done.returncode, done.stderr
    assert 0 < facts["labels_to_come"]
    assert {label["transaction_id"] for label in labels} < sent
    assert {label["source"] for label in labels} <= {"review", "chargeback", "import"}


def test_unkeyed_traffic_has_no_keys_and_all_partitions(world_settings: Settings) -> None:
    """As the AWS sample's producer sends it."""
    done = fraudstream(world_settings, "produce", "simulate", "--rate", "8", "--for", "2", "--unkeyed")
    records = asyncio.run(read_all(world_settings, "transactions"))

    assert 0 == done.returncode, done.stderr
    assert {None} == {record.key for record in records}
    assert set(range(world_settings.partitions)) == set(Counter(record.partition for record in records))


def test_without_a_broker_it_says_what_to_run(tmp_path: Path) -> None:
    """One sentence and code 75."""
    settings = Settings(_env_file=None, broker="127.0.0.1:9", data_dir=tmp_path)
    path = tmp_path / "payments.csv"
    path.write_text("cc_num,amount,trans_ts\n4000000000000002,1,1580000000\n")
    done = fraudstream(settings, "produce", "replay", path)

    assert 75 == done.returncode
    assert "start one with: fraudstream broker up" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_history_it_says_what_to_run(tmp_path: Path) -> None:
    """The simulation continues the history."""
    done = fraudstream(Settings(_env_file=None, data_dir=tmp_path), "produce", "simulate")

    assert 2 == done.returncode
    assert "make one with: fraudstream generate" in done.stderr


CSV_TOP = b"cc_num,amount,trans_ts,merchant\n"


def test_a_csv_file_of_another_encoding_is_sent_as_it_was_meant(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Refused with the option that reads it; nothing is sent garbled."""
    path = tmp_path / "payments.csv"
    path.write_bytes(CSV_TOP + b"4000000000000002,1.00,1580000000,Caf\xe9\n")
    refused = fraudstream(kafka_settings, "produce", "replay", path, "--speed", "max")
    sent = fraudstream(kafka_settings, "produce", "replay", path, "--speed", "max", "--encoding", "latin-1")

    assert 2 == refused.returncode
    assert "line 2: encoding: " in refused.stderr
    assert "--encoding latin-1" in refused.stderr
    assert 0 == sent.returncode, sent.stderr
    assert ["Café"] == [payment["merchant"] for payment in payments_in(kafka_settings)]


@pytest.mark.parametrize("given", [("--encoding", "klingon"), ("--encoding", "hex")])
def test_an_encoding_that_nobody_knows_is_a_sentence(tmp_path: Path, given: tuple[str, str]) -> None:
    """So is one that is not of text."""
    path = tmp_path / "payments.csv"
    path.write_bytes(CSV_TOP)
    done = fraudstream(Settings(_env_file=None, data_dir=tmp_path), "produce", "replay", path, *given)

    assert 2 == done.returncode
    assert f"'{given[1]}' is not an encoding of text" in done.stderr


@pytest.mark.parametrize("rows", [b"", b"\n\n", b"no-card,1.00,1580000000,Shop\n"])
def test_a_csv_file_without_payments_is_a_sentence(tmp_path: Path, rows: bytes) -> None:
    """Nothing but a header, or nothing left of it with --skip-bad."""
    path = tmp_path / "payments.csv"
    path.write_bytes(CSV_TOP + rows)
    done = fraudstream(Settings(_env_file=None, data_dir=tmp_path), "produce", "replay", path, "--skip-bad")

    assert 2 == done.returncode
    assert f"there are no payments in {path}" in done.stderr
    assert "Traceback" not in done.stderr
