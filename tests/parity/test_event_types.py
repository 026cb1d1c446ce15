"""Stream equals batch in every currency: the scoring loop in memory against the batch path, weeks by the nightly job."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.weekly.files import pairs
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.treatments import PARTS_OF_TIME, TEXT
from fraudstream.domain.features.variable_inputs import VariableInput, VariableInputs
from fraudstream.domain.model import Model
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.tokens import Tokenizer
from fraudstream.offline.aggregate import weeks_of
from fraudstream.offline.columns import kinds_of
from fraudstream.parity.expected import Expected
from fraudstream.parity.payments import made_up
from fraudstream.parity.published import Published
from fraudstream.parity.report import compared
from fraudstream.traffic.encoder import EncodedBatch, Encoder
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS, MemoryWorker
from tests.agents.test_scoring_event_types import TriesModel
from tests.builders import DINARS, UNIDADES, YEN, CountingModel
from tests.fakes import MemoryWeekly

EARLIER_MS = 14 * DAY_MS
"""The memory worker's records are of an earlier day than the made-up payments."""

CHUNK_ROWS = 50


def weeks(directory: Path, paid: pl.DataFrame, event_type: EventType) -> MemoryWeekly:
    """Return the weeks as of every midnight that a payment asks for."""
    file, decimals = directory / "payments.parquet", event_type.money.decimals
    paid.write_parquet(file)
    snapshots = {}
    for midnight_ms in (paid["event_time"] // DAY_MS * DAY_MS).unique():
        weeks = weeks_of(
            [file],
            midnight_ms,
            Tokenizer(bytes(32)),
            decimals=decimals,
            kinds=kinds_of(event_type),
            weekly=event_type.weekly,
        )
        snapshots[midnight_ms] = dict(pairs(weeks))
    return MemoryWeekly(snapshots)


NESTED = (
    'name = "nested"\nid = "order.number"\n[entity]\nfield = "order.account"\nkind = "text"\n'
    '[time]\nfields = ["order.at"]\nunit = "us"\n'
    '[amount]\nfield = "order.minor"\nform = "minor-units"\ncurrency_field = "order.currency"\n'
    'currency = "KWD"\ncurrencies = ["KWD", "JPY"]\n'
    '[variables]\nshop = { field = "shop.name" }\ntries = { type = "integer", field = "client.tries", default = 7 }\n'
    'km = { type = "float", field = "client.km" }\nknown = "boolean"\nsince = "timestamp"\n'
)
VELOCITY = (
    '[velocity]\nshops_1d = { function = "distinct", of = "shop", window = "24h" }\n'
    'same_shop = { function = "same_share", of = "shop", window = "90m" }\n'
    'km_sum = { function = "sum", of = "km", window = "1h" }\nkm_mean = { function = "mean", of = "km", window = "5m" }\n'
    'least = { function = "min", of = "amount", window = "10m" }\nmost = { function = "max", of = "tries", window = "24h" }\n'
    'before = { function = "last", of = "since", window = "2h" }\nknown_sum = { function = "sum", of = "known", window = "1m" }\n'
    'quiet_s = { function = "seconds_since_previous", window = "24h" }\n'
)
DERIVED = (
    '[derived]\nkm_share = "km / km_sum"\nthirds = "amount / 3 + tries / 7"\n'
    'unusual = "amt_ratio2 > 2 AND shop <> \'a\'"\nhalf = "ABS(km_share - thirds) / num_trans_last_10m"\n'
)
WEEKLY = (
    "[weekly]\n"
    'often = { function = "count", days = 1 }\n'
    'spent = { function = "sum", of = "amount", days = 3 }\n'
    'usual = { function = "mean", of = "amount", days = 7 }\n'
    'largest = { function = "max", of = "amount", days = 30 }\n'
    'amounts = { function = "distinct", of = "amount", days = 30 }\n'
    'all_tries = { function = "sum", of = "tries", days = 30 }\n'
    'mean_tries = { function = "mean", of = "tries", days = 7 }\n'
    'most_tries = { function = "max", of = "tries", days = 2 }\n'
    'all_km = { function = "sum", of = "km", days = 30 }\n'
    'mean_km = { function = "mean", of = "km", days = 7 }\n'
    'most_km = { function = "max", of = "km", days = 30 }\n'
    'kms = { function = "distinct", of = "km", days = 5 }\n'
    'share_known = { function = "mean", of = "known", days = 30 }\n'
    'newest = { function = "max", of = "since", days = 30 }\n'
    'shops = { function = "distinct", of = "shop", days = 30 }\n'
)
ALONE = (
    'name = "alone"\nfeatures = ["amount", "tries", "km", "known"]\n[time]\nfields = ["at"]\n'
    'origin = 2019-01-01T00:00:00Z\n[amount]\nfield = "value"\ncurrency = "EUR"\n'
    '[variables]\ntries = "integer"\nkm = "float"\nknown = "boolean"\n'
)


REVERSING = NESTED.replace(
    "[variables]", '[variables]\noriginal = "string"\nkind = "string"\nvoid = "boolean"'
)
REVERSAL = '[reversal]\nof = "original"\n'


class VelocityModel(TriesModel):
    """A model of what the event type declares, some of it missing."""

    features = ("amount", "shops_1d", "same_shop", "km_sum", "km_mean", "before", "quiet_s")

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Answer from all of them, whether they are there or not."""
        there = np.nan_to_num(rows, nan=-1.0, posinf=2.0, neginf=-2.0)
        return np.asarray(0.5 + np.arctan(there.astype(np.float64).sum(axis=1)) / 4, np.float32)


class DerivedModel(VelocityModel):
    """A model of features that are derived of variables, windows, the week and each other."""

    features = ("amount", "tries", "km_share", "thirds", "unusual", "half")


MADE_OF_VARIABLES = VariableInputs(
    tuple(
        VariableInput(variable, treatment, table, otherwise)
        for variable, treatment, table, otherwise in (
            ("shop", "category", {"a": 0.0, "b": 1.0}, None),
            ("shop", "frequency", {"a": 0.1, "c": 1e-7}, 0.0),
            ("shop", "fraud_rate", {"b": 1 / 3}, 0.01),
            *(("shop", each, {}, None) for each in TEXT),
            ("tries", "category", {"1": 0.0, "7": 1.0}, None),
            *(("since", each, {}, None) for each in PARTS_OF_TIME),
            *(("event_time", each, {}, None) for each in PARTS_OF_TIME),
        )
    )
)


class TreatedModel(VelocityModel):
    """A model that learns of variables that are not numbers."""

    features = ("amount", *MADE_OF_VARIABLES.names)
    inputs = MADE_OF_VARIABLES
    scale = InsightScale.measured(np.zeros(2001), np.linspace(0, 0.9, 2001))

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Let three inputs push, others for each payment."""
        pushes = np.zeros((len(rows), len(self.features) + 1), np.float32)
        for row, pushed in enumerate(np.nan_to_num(rows).sum(axis=1).astype(int) % (len(self.features) - 3)):
            pushes[row, pushed + 1 : pushed + 4] = 3, 2, 1
        return pushes


def own(text: str) -> EventType:
    """Return a declared event type."""
    return Declaration(text, "own.toml").read()


async def decisions_of(memory_worker: MemoryWorker, batch: EncodedBatch) -> list[list[dict[str, Any]]]:
    """Return what a worker decides of some payments, for each partition."""
    async with memory_worker as worker:
        for partition in range(PARTITIONS):
            own = [
                batch.messages[row].value for row in range(len(batch)) if batch.partitions[row] == partition
            ]
            for first in range(0, len(own), CHUNK_ROWS):
                await worker.receive(own[first : first + CHUNK_ROWS], partition)
        await worker.settled()
        return [worker.published("decisions", partition) for partition in range(PARTITIONS)]


CASES: list[tuple[EventType, Model]] = [
    (event_type_named("card"), CountingModel()),
    (YEN, CountingModel()),
    (DINARS, CountingModel()),
    (UNIDADES, CountingModel()),
    (own(NESTED), CountingModel()),
    (own(NESTED), TriesModel()),
    (own(NESTED + VELOCITY), CountingModel()),
    (own(NESTED + VELOCITY), VelocityModel()),
    (own(NESTED + VELOCITY + DERIVED), DerivedModel()),
    (own(NESTED), TreatedModel()),
    (own(NESTED + WEEKLY), CountingModel()),
    (own(NESTED + VELOCITY + WEEKLY + DERIVED + 'much = "spent / usual + shops"\n'), DerivedModel()),
    (own(NESTED.replace('id = "order.number"\n', "")), CountingModel()),
    (own(ALONE), TriesModel()),
    (own(REVERSING + REVERSAL), CountingModel()),
    (
        own(REVERSING + VELOCITY + REVERSAL + 'variable = "kind"\nvalues = ["reversal"]\n'),
        VelocityModel(),
    ),
    (own(REVERSING + VELOCITY + WEEKLY + REVERSAL + 'variable = "void"\n'), VelocityModel()),
]
"""Event types of all kinds, each with a model."""


@pytest.mark.parametrize(("event_type", "model"), CASES)
async def test_stream_and_batch_agree_in_every_currency_and_event_type(
    event_type: EventType, model: Model, tmp_path: Path
) -> None:
    """Late, repeated, contradicted, refunded and reversed payments; not a bit differs, and amounts are what was sent."""
    stream = made_up(600, 5, event_type).with_columns(pl.col("event_time") - EARLIER_MS)
    expected = Expected.of(stream, model, PARTITIONS, ALLOWED_LATENESS_MS, event_type)
    store = weeks(tmp_path, stream.filter(expected.decided), event_type) if event_type.entity else None
    batch = Encoder(event_type, PARTITIONS).encode(stream, None)
    decisions = await decisions_of(MemoryWorker(tmp_path / "worker", store, event_type, model), batch)

    published = Published(expected)
    values = [json.dumps(decision).encode() for of_partition in decisions for decision in of_partition]
    published.add(
        [ConsumerRecord("decisions", 0, 0, 0, 0, b"", value, None, 0, len(value), []) for value in values]
    )
    report = compared(stream, expected, published)

    assert () == report.first
    assert report.equal
    told = {decision["amount"] for of_partition in decisions for decision in of_partition}
    assert told == set(stream.filter(expected.decided)["amount"])
