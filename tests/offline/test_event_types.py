"""Every event type of the package goes from a generated history to decisions, and its real files are replayed as they are."""

import itertools
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.commands.aggregate import aggregate as aggregate_command
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EntityField, EventType
from fraudstream.domain.events.parser import Parser, Payment, entity_index
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.tokens import Tokenizer
from fraudstream.offline.aggregate import Job
from fraudstream.offline.columns import kinds_of
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.evaluate import evaluate
from fraudstream.offline.import_rows import Judge
from fraudstream.offline.importing import ImportRequest, import_history
from fraudstream.offline.train import train
from fraudstream.offline.written_times import Times
from fraudstream.traffic.csv_file import CsvColumns, read_csv
from fraudstream.traffic.encoder import Encoder
from fraudstream.traffic.payments import ParquetFiles
from fraudstream.world.generate import generate
from fraudstream.world.live import Live
from fraudstream.world.world import World
from tests.models import load_model
from tests.real_files import CREDITCARD, SPARKOV, VALUES

WORLD = World(seed=1, cards=400, days=8, payments=24_000, start=date(2020, 1, 1))
SHIPPED = ("card", "sparkov", "creditcard")
LATER_MS = 1_800_000_000_000


@dataclass(frozen=True, slots=True)
class Trained:
    """An event type, its history and its model."""

    event_type: EventType
    history: Path
    models: Path


@pytest.fixture(scope="module", params=SHIPPED)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return each event type with a small history and a model that learnt from it."""
    event_type = event_type_named(request.param)
    root = tmp_path_factory.mktemp(event_type.name)
    generate(WORLD, root / "history", event_type)
    train(
        root / "history",
        root / "models",
        features=event_type.features,
        feature_set=event_type.feature_set,
        event_type=event_type,
        treatments=event_type.treatments,
        activate="always",
    )
    return Trained(event_type, root / "history", root / "models")


def parsed(event_type: EventType, frame: pl.DataFrame) -> list[Payment]:
    """Return what a worker reads of payments that were sent."""
    parser = Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 1), 0)
    messages = Encoder(event_type, 1).encode(frame, None).messages
    return [parser.parse(message.value, LATER_MS) for message in messages]


def test_decisions_have_the_probabilities_of_training(trained: Trained) -> None:
    """What the model learnt from and what it is asked are the same numbers, and fraud is found."""
    model = load_model(trained.models, event_type=trained.event_type.name)
    payments = Dataset.of_history(trained.history, event_type=trained.event_type).frame

    decided = Detector.of(model, trained.event_type).decide(payments)

    assert (*trained.event_type.features, *model.inputs.names) == model.features
    learnt = model.probabilities(matrix(decided, model.features))
    assert np.array_equal(learnt, decided["probability"].to_numpy().astype(np.float32))
    last = decided.filter(pl.col("event_time") > decided["event_time"].quantile(0.8))
    figures = evaluate(last["is_fraud"].to_numpy(), last["probability"].to_numpy(), model.threshold)
    assert figures["auc"] > 0.9


def test_what_was_generated_is_read_back_by_a_worker(trained: Trained) -> None:
    """History -> records -> payments: no value is lost on the way, and every payment has them all."""
    frame = next(ParquetFiles.of(trained.history, trained.event_type).chunks(0)).head(200)

    payments = parsed(trained.event_type, frame)

    names = [variable.name for variable in trained.event_type.variables]
    assert frame.select(names).rows() == [payment.variables for payment in payments]
    assert frame["event_time"].to_list() == [payment.event_time_ms for payment in payments]
    assert (frame["amount"] * 100).round().to_list() == [payment.cents for payment in payments]
    assert 0 == frame.null_count().sum_horizontal().item()


def test_live_traffic_has_the_columns_of_the_history(trained: Trained) -> None:
    """And a card is the same person in both."""
    live = pl.concat(
        itertools.islice(iter(Live(WORLD, 5.0, 1_580_558_400_000, event_type=trained.event_type)), 5)
    )
    stored = pl.read_parquet(sorted(trained.history.glob("date=*/*.parquet")), hive_partitioning=False)

    assert stored.schema == live.schema
    if trained.event_type.name == "sparkov":
        people = stored.select("cc_num", "first", "last", "dob", "lat").unique()
        assert people["cc_num"].n_unique() == people.height
        assert live.select(people.columns).join(people, on=people.columns, how="anti").is_empty()


def test_the_same_seed_gives_the_same_variables(tmp_path: Path) -> None:
    """Two machines that generate an event type's history have the same files; another event type is another history."""
    sparkov, creditcard = map(event_type_named, ("sparkov", "creditcard"))
    world = World(seed=3, cards=50, days=2, payments=300)
    first, second = (generate(world, tmp_path / name, sparkov).manifest for name in ("one", "two"))

    assert first == second
    assert generate(world, tmp_path / "one", sparkov).already_there
    assert first["world"] != generate(world, tmp_path / "three", creditcard).manifest["world"]


def test_the_real_sparkov_file_is_read_by_its_own_header(tmp_path: Path) -> None:
    """Its card numbers have 11 to 19 digits, and its first column has no name."""
    (tmp_path / "fraudTrain.csv").write_text(SPARKOV)
    sparkov = event_type_named("sparkov")

    frame, bad = read_csv(tmp_path / "fraudTrain.csv", sparkov, columns=CsvColumns(labels=True))

    assert [] == bad
    assert ["4000000000000002", "60416207185"] == frame.frame["cc_num"].to_list()
    assert [1_546_300_818_000, 1_546_300_844_000] == frame.frame["event_time"].to_list()
    assert [4.97, 1072.3] == frame.frame["amount"].to_list()
    assert [False, True] == frame.frame["is_fraud"].to_list()
    assert ["28654", "99160"] == frame.frame["zip"].to_list()
    payments = parsed(sparkov, frame.frame)
    names = [variable.name for variable in sparkov.variables]
    assert frame.frame.select(names).rows() == [payment.variables for payment in payments]
    assert ["0002", "7185"] == [payment.entity.last4 for payment in payments if payment.entity]


def test_the_real_creditcard_file_is_read_by_its_own_header(tmp_path: Path) -> None:
    """Seconds since its first payment; V1 to V28 to the last bit."""
    (tmp_path / "creditcard.csv").write_text(CREDITCARD)
    creditcard = event_type_named("creditcard")

    frame, bad = read_csv(tmp_path / "creditcard.csv", creditcard, columns=CsvColumns(labels=True))

    assert [] == bad
    assert [1_377_993_600_000, 1_378_093_600_000] == frame.frame["event_time"].to_list()
    assert [149.62, 25691.16] == frame.frame["amount"].to_list()
    assert [False, True] == frame.frame["is_fraud"].to_list()
    payments = parsed(creditcard, frame.frame)
    assert tuple(map(float, VALUES.split(","))) == payments[0].variables
    assert [1_377_993_600_000, 1_378_093_600_000] == [payment.event_time_ms for payment in payments]


def imported(directory: Path, name: str, event_type: EventType) -> pl.DataFrame:
    """Import a file as a history of an event type, and return the rows as they lie."""
    judge = Judge(event_type, Times(), LATER_MS)
    request = ImportRequest([directory / name], {}, judge, "utf-8", ",", 0, directory / "bad.csv")
    import_history(request, directory / "history")
    return pl.concat(
        pl.read_parquet(path) for path in sorted((directory / "history").glob("date=*/*.parquet"))
    )


@pytest.mark.parametrize(
    ("event_type", "content"),
    [("sparkov", SPARKOV), ("creditcard", CREDITCARD)],
    ids=["sparkov", "creditcard"],
)
def test_the_real_files_are_imported_as_they_are_replayed(
    tmp_path: Path, event_type: str, content: str
) -> None:
    """By their own names, with variables of the types that the event type declares."""
    (tmp_path / "real.csv").write_text(content)
    declared = event_type_named(event_type)

    history = imported(tmp_path, "real.csv", declared)

    replayed = read_csv(tmp_path / "real.csv", declared, columns=CsvColumns(labels=True))[0].frame
    names = [*declared.columns, "amount", "event_time", "is_fraud"]
    assert replayed.select(names).equals(history.select(names))
    assert {**declared.columns} == {name: history.schema[name] for name in declared.columns}
    stored = next(ParquetFiles.of(tmp_path / "history", declared).chunks(0))
    assert parsed(declared, stored)[0].variables == parsed(declared, replayed)[0].variables


def test_a_model_never_learns_from_a_column_that_is_not_there(tmp_path: Path) -> None:
    """A history of another event type, or of an export that left something out."""
    generate(World(seed=1, cards=50, days=4, payments=2000), tmp_path / "history")

    with pytest.raises(SetupError, match=r"has a column city_pop or lat or .*, which the model needs"):
        train(
            tmp_path / "history",
            tmp_path / "models",
            features=event_type_named("sparkov").features,
            event_type=event_type_named("sparkov"),
        )


def test_events_without_an_entity_have_no_weeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nightly job says so, instead of asking for card numbers."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FRAUDSTREAM_EVENT_TYPE", "creditcard")

    with pytest.raises(
        SetupError, match="of the type creditcard have no entity, so they have no weekly aggregates"
    ):
        CliRunner().invoke(aggregate_command, [], catch_exceptions=False)


def test_weeks_of_opaque_entities_are_those_that_a_worker_looks_up(tmp_path: Path) -> None:
    """Dashes and blanks within an id of any form belong to it; of a card number they do not."""
    ids = ["550e8400-e29b-41d4", "tok 31f", " 12-34 "]
    folder = tmp_path / "history" / "date=2020-01-05"
    folder.mkdir(parents=True)
    pl.DataFrame({"cc_num": ids, "amount": [1.0] * 3, "event_time": [1_578_182_400_000] * 3}).write_parquet(
        folder / "payments.parquet"
    )
    card = event_type_named("card")
    opaque = replace(card, entity=EntityField("account", "text"))
    tokenizer = Tokenizer(bytes(32))

    Job(tmp_path / "history", tmp_path / "weekly", tokenizer, kinds=kinds_of(opaque)).run(date(2020, 1, 6))

    index = entity_index(opaque, tokenizer, 1)
    assert {index.entity(given, 0).token for given in ids} == set(newest_snapshot(tmp_path / "weekly").weeks)


def test_a_user_s_own_event_type_is_generated_too(tmp_path: Path) -> None:
    """Whatever it declares: types, an amount without decimals and with a limit, a field within another, no entity."""
    own = tmp_path / "payout.toml"
    own.write_text(OWN)
    event_type = event_type_named(str(own))
    generate(World(seed=1, cards=50, days=2, payments=500), tmp_path / "history", event_type)

    frame = next(ParquetFiles.of(tmp_path / "history", event_type).chunks(0))
    payments = parsed(event_type, frame)

    assert "cc_num" not in frame.columns
    assert list(event_type.columns.items()) == [(name, frame.schema[name]) for name in event_type.columns]
    assert frame["amount"].to_list() == [payment.cents for payment in payments]
    assert max(frame["amount"]) == 5000
    assert frame.select(list(event_type.columns)).rows() == [payment.variables for payment in payments]


OWN = """
name = "payout"

[time]
fields = ["at"]
unit = "ms"

[amount]
field = "sum"
form = "minor-units"
currency = "JPY"
max = 5000

[variables]
merchant = "string"
channel = { type = "string", field = "device.channel" }
tries = "integer"
weight = "float"
known = "boolean"
opened = "timestamp"
"""
