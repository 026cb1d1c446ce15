"""A poison record is found by halving, over several runs."""

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka.structs import ConsumerRecord
from faust.types import TP, EventT
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.in_flight import InFlightNote
from fraudstream.agents.backlog import Chunk
from fraudstream.agents.quarantine import (
    CRASHES_BEFORE_HALVING,
    POISON_RECORDS_PER_HOUR_MAX,
    CrashHistory,
    Quarantine,
)
from fraudstream.deciding.dead_letters import DeadLetters
from fraudstream.deciding.records import Record
from fraudstream.domain.errors import FraudstreamError

HERE, THERE = TP("transactions", 0), TP("transactions", 1)


class Crashed(Exception):
    """Stands for whatever ends a run."""


def record(tp: TP, offset: int) -> Record:
    """Return a record of some payment."""
    return ConsumerRecord(tp.topic, tp.partition, offset, 1_000, 0, None, b"{}", None, 0, 2, ())


def chunk(tp: TP, first: int, last: int) -> Chunk:
    """Return a chunk of these offsets."""
    event = SimpleNamespace(message=SimpleNamespace(tp=tp))
    return Chunk(cast(EventT[object], event), [record(tp, offset) for offset in range(first, last + 1)], None)


def run(directory: Path, batches: list[list[Chunk]], poison: set[tuple[TP, int]]) -> list[list[str]]:
    """Decide batches as the agent does, a chunk to split alone; crash over poison records; return what each portion was."""
    done: list[list[str]] = []
    with closing(Quarantine(directory, DeadLetters())) as quarantine:
        for batch in batches:
            alone = any(map(quarantine.must_split, batch))
            for taken in [[each] for each in batch] if alone else [batch]:
                for portion in quarantine.portions(taken):
                    with quarantine.in_flight(portion):
                        decide(portion, poison)
                    done.append([shown(part) for part in portion])
                quarantine.clear(taken)
    return done


def decide(portion: list[Chunk], poison: set[tuple[TP, int]]) -> None:
    """Crash over poison records, unless they are dead letters by now."""
    for part in portion:
        if part.parsed is None and any((part.tp, each.offset) in poison for each in part.records):
            raise Crashed


def history(directory: Path) -> CrashHistory:
    """Return what the next run would start with."""
    with closing(Quarantine(directory, DeadLetters())) as quarantine:
        return quarantine.history


def shown(part: Chunk) -> str:
    """Return a part of a portion in words."""
    dead = "".join(letter.reason for letter in part.parsed.dead) if part.parsed else ""
    return f"{part.tp.partition}: {part.records[0].offset}..{part.records[-1].offset} {dead}".strip()


def test_without_a_crash_everything_is_decided_together(tmp_path: Path) -> None:
    """The usual case."""
    assert [["0: 0..7", "1: 0..3"]] == run(tmp_path, [[chunk(HERE, 0, 7), chunk(THERE, 0, 3)]], set())


def test_a_few_crashes_make_no_poison_record(tmp_path: Path) -> None:
    """An operator kills two runs over the same offsets: the third decides them all together, as usual."""
    for _ in range(CRASHES_BEFORE_HALVING - 1):
        with pytest.raises(Crashed):
            run(tmp_path, [[chunk(HERE, 0, 7)]], {(HERE, 5)})

    assert [["0: 0..7"]] == run(tmp_path, [[chunk(HERE, 0, 7)]], set())
    assert 0 == history(tmp_path).crashes


def test_the_poison_record_is_found_by_halving_and_becomes_a_dead_letter(tmp_path: Path) -> None:
    """Eight records, the sixth is poison: 0..7 three times, 4..7, 4..5, 5 alone; then it is a dead letter."""
    crashes = 0
    while True:
        try:
            done = run(tmp_path, [[chunk(HERE, 0, 7), chunk(THERE, 0, 3)]], {(HERE, 5)})
        except Crashed:
            crashes += 1
            continue
        break

    assert CRASHES_BEFORE_HALVING + 3 == crashes
    assert [["0: 0..4"], ["0: 5..5 poison"], ["0: 6..7"], ["1: 0..3"]] == done
    assert history(tmp_path).ranges == {}


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    poison=st.sets(st.integers(0, 159), max_size=3),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_all_poison_records_and_no_others_become_dead_letters(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], poison: set[int], data: st.DataObject
) -> None:
    """Whatever the batches are, and though they are cut differently in every run, each other record is decided."""
    directory = tmp_path_factory.mktemp("state")
    total = sum(sizes)
    for _ in range(200):
        bounds = sorted(data.draw(st.sets(st.integers(1, total - 1), max_size=4))) if total > 1 else []
        starts, ends = [0, *bounds], [*bounds, total]
        batches = [[chunk(HERE, start, end - 1)] for start, end in zip(starts, ends, strict=True)]
        try:
            done = run(directory, batches, {(HERE, offset) for offset in poison})
        except Crashed:
            continue
        break
    spans = [part.split()[1].split("..") for parts in done for part in parts]
    dead = {int(part.split()[1].split("..")[0]) for parts in done for part in parts if "poison" in part}

    assert {offset for offset in poison if offset < total} == dead
    assert total == sum(int(last) - int(first) + 1 for first, last in spans)


def test_a_worker_that_crashes_over_everything_stays_down(tmp_path: Path) -> None:
    """A broken model must not turn a whole topic into dead letters."""
    everything = {(HERE, offset) for offset in range(100)}
    for start in range(POISON_RECORDS_PER_HOUR_MAX + 1):
        for _ in range(CRASHES_BEFORE_HALVING):
            with pytest.raises(Crashed):
                run(tmp_path, [[chunk(HERE, start, start)]], everything)
        if start < POISON_RECORDS_PER_HOUR_MAX:
            assert [[f"0: {start}..{start} poison"]] == run(
                tmp_path, [[chunk(HERE, start, start)]], everything
            )
    with pytest.raises(FraudstreamError, match="crashed the worker within an hour"):
        run(tmp_path, [[chunk(HERE, POISON_RECORDS_PER_HOUR_MAX, POISON_RECORDS_PER_HOUR_MAX)]], everything)


def test_a_stop_on_request_is_no_crash(tmp_path: Path) -> None:
    """SIGTERM while a portion waits for the weekly store."""
    with closing(Quarantine(tmp_path, DeadLetters())) as quarantine:
        with pytest.raises(Crashed), quarantine.in_flight([chunk(HERE, 0, 7)]):
            raise Crashed
        quarantine.forget()

    assert 0 == history(tmp_path).crashes


def test_the_file_of_an_earlier_version_is_read_and_written_as_before(tmp_path: Path) -> None:
    """Its names are those that versions before this one wrote."""
    stored = b'{"deaths":3,"ranges":{"transactions-0":[4,5]},"condemned":[["transactions-0",2,4102444800.0]]}'
    (tmp_path / "suspects.json").write_bytes(stored)

    assert [["0: 0..1"], ["0: 2..2 poison"], ["0: 3..3"], ["0: 4..4"], ["0: 5..5"], ["0: 6..7"]] == run(
        tmp_path, [[chunk(HERE, 0, 7)]], set()
    )
    assert (
        b'{"deaths":0,"ranges":{},' + stored[stored.index(b'"condemned"') :]
        == (tmp_path / "suspects.json").read_bytes()
    )


def test_the_note_survives_its_writer_and_shorter_ones_replace_longer(tmp_path: Path) -> None:
    """It is rewritten in place: only the first line counts."""
    with closing(InFlightNote(tmp_path / "in-flight")) as note:
        note.write({"transactions-0": (1_000_000, 2_000_000), "transactions-1": (3, 4)})
        note.write({"transactions-0": (7, 8)})

    with closing(InFlightNote(tmp_path / "in-flight")) as later:
        assert {"transactions-0": (7, 8)} == later.read()
        later.write({})
        assert {} == later.read()


def test_a_closed_note_cannot_be_written(tmp_path: Path) -> None:
    """The number of its descriptor may belong to another file by then."""
    note = InFlightNote(tmp_path / "in-flight")
    note.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        note.write({})
