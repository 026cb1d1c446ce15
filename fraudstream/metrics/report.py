"""What a worker reports once per micro-batch, never per payment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

TopicPartition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What one finished micro-batch did.

    `latency_ms` has one entry per payment: Kafka timestamp to acknowledged decision. `stage_ms` is the time of the
    whole batch in each stage. `offsets` maps (topic, partition) to the last offset decided and the log's end, if known.
    """

    payments: int
    outcomes: Mapping[str, int]
    latency_ms: npt.NDArray[np.floating]
    finished_at: float
    degraded: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    undeclared: Mapping[str, int] = field(default_factory=dict)
    """Fields that the event type does not declare, by name; those whose names are not shown: by ''."""
    repartitioned: int = 0
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[TopicPartition, tuple[int, int | None]] = field(default_factory=dict)
