"""Few events are decided without Polars, and many with it: what is published is the same, byte by byte."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.few_detector import FewDetector
from fraudstream.domain.model import Model
from fraudstream.parity.payments import made_up
from fraudstream.traffic.encoder import Encoder
from tests.agents.memory_worker import PARTITIONS, MemoryWorker
from tests.agents.test_scoring_event_types import TriesModel
from tests.builders import DINARS, YEN, CountingModel
from tests.parity.test_event_types import (
    ALONE,
    DERIVED,
    EARLIER_MS,
    NESTED,
    REVERSAL,
    REVERSING,
    VELOCITY,
    TreatedModel,
    VelocityModel,
    own,
)

RULES = (
    '[[rules]]\nname = "often"\nwhen = "num_trans_last_10m >= 3 AND amount > 1.5"\noutcome = "review"\n'
    '[[rules]]\nname = "sure"\nwhen = "probability > 0.7 OR known IS NULL"\noutcome = "block"\n'
    '[[rules]]\nname = "shop"\nwhen = "shop = \'a\' AND NOT (known OR tries < 3)"\noutcome = "review"\n'
)
UNUSUAL = '[[rules]]\nname = "unusual"\nwhen = "anomaly_score > 550.5"\noutcome = "review"\n'

RARE = '[[rules]]\nname = "rare"\nwhen = "insight_score >= 700 AND amount > 1"\noutcome = "block"\n'


class Distance:
    """An anomaly model: how far the amount is from 10."""

    def scores(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return scores with many digits."""
        return 1000 * (1 - 1 / (1 + np.abs(rows[:, 0].astype(np.float64) - 10)))


class UnusualModel(TriesModel):
    """A classifier with an anomaly model beside it."""

    anomaly = Distance()


async def published(
    directory: Path, stream: pl.DataFrame, event_type: EventType, model: Model, few_events: int
) -> list[tuple[str, bytes]]:
    """Return what a worker publishes, in order, without when and how fast it was decided."""
    batch = Encoder(event_type, PARTITIONS).encode(stream, None)
    async with MemoryWorker(directory, None, event_type, model, few_events=few_events) as worker:
        for partition in range(PARTITIONS):
            own = [
                batch.messages[row].value for row in range(len(batch)) if batch.partitions[row] == partition
            ]
            for first, rows in ((0, 1), (1, 2), (3, 9), (12, 60), (72, len(own))):
                await worker.receive(own[first : first + rows], partition)
                await worker.settled()
        return [
            (topic, message.value.partition(b',"decided_at":')[0])
            for topic in ("decisions", "fraud-alerts")
            for partition in range(PARTITIONS)
            for message in worker.delivery.topics[topic, partition]
        ]


@pytest.mark.parametrize(
    ("event_type", "model"),
    [
        (event_type_named("card"), CountingModel()),
        (event_type_named("sparkov"), CountingModel()),
        (YEN, CountingModel()),
        (DINARS, CountingModel()),
        (own(NESTED), TriesModel()),
        (own(NESTED + RULES), TriesModel()),
        (own(NESTED + VELOCITY + RULES), VelocityModel()),
        (own(ALONE), TriesModel()),
        (own(NESTED + RULES), TreatedModel()),
        (own(NESTED + RULES + RARE), TreatedModel()),
        (own(NESTED + RARE), TriesModel()),
        (own(REVERSING + VELOCITY + REVERSAL), VelocityModel()),
        (own(NESTED + RULES + UNUSUAL), UnusualModel()),
    ],
)
async def test_few_and_many_are_decided_alike(event_type: EventType, model: Model, tmp_path: Path) -> None:
    """Late, repeated, contradicted and refunded payments of every event type; some are alerts, with reasons."""
    stream = made_up(400, 3, event_type).with_columns(pl.col("event_time") - EARLIER_MS)
    many = await published(tmp_path / "many", stream, event_type, model, 0)
    few = await published(tmp_path / "few", stream, event_type, model, 1_000_000)

    assert 390 <= len(many)
    assert many == few
    assert FewDetector.of(Detector.of(model, event_type), event_type) is not None


def test_what_only_polars_computes_is_left_to_it() -> None:
    """Derived features, and rules that calculate."""
    calculating = RULES.replace("amount > 1.5", "amount / 3 > 0.5")
    for event_type in (own(NESTED + VELOCITY + DERIVED), own(NESTED + calculating)):
        assert FewDetector.of(Detector.of(CountingModel(), event_type), event_type) is None
