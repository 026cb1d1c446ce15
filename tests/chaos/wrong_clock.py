"""A clock that is wrong, in the process that asks for it: a file says by how much."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiokafka.producer.message_accumulator import BatchBuilder


def step(file: Path, by_s: float) -> None:
    """Set how far the clocks that read this file are off from now on."""
    draft = file.with_suffix(".draft")
    draft.write_text(str(by_s))
    draft.replace(file)


def install(file: Path) -> None:
    """Read the wall clock through a file; what measures intervals goes on evenly, as after a step of a real clock."""
    right_s, right_ns = time.time, time.time_ns

    def off_s() -> float:
        return float(file.read_text()) if file.exists() else 0.0

    time.time = lambda: right_s() + off_s()
    time.time_ns = lambda: right_ns() + round(off_s() * 1e9)
    stamp_records(time.time)


def stamp_records(clock: Callable[[], float]) -> None:
    """Let records of now carry the time of a clock: aiokafka's extension asks the system itself."""
    append = BatchBuilder.append

    def stamped(self: BatchBuilder, *, timestamp: int | None, **record: Any) -> Any:
        return append(self, timestamp=round(clock() * 1000) if timestamp is None else timestamp, **record)

    BatchBuilder.append = stamped
