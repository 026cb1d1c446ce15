"""From a history to a model that decides: aggregate, train, evaluate, stories."""

import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.acceptance import stories
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.commands.aggregate import aggregate as aggregate_command
from fraudstream.commands.train import train as train_command
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.times import midnight_ms
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import WEEK_MS, Week
from fraudstream.offline.aggregate import Job, last_midnight
from fraudstream.offline.evaluate import evaluate
from fraudstream.offline.train import train
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import active_version, load_model

TOKENIZER = Tokenizer(bytes(32))
WORLD = World(seed=1, cards=60_000, days=21, payments=1_260_000, start=date(2020, 1, 1))
"""A world with enough cards for 50 live payments a second."""
END = date(2020, 1, 22)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a history, its last week and a model of each feature set; `card` is current."""
    root = tmp_path_factory.mktemp("data")
    generate(WORLD, root / "history")
    Job(root / "history", root / "weekly", TOKENIZER).run(END)
    for feature_set in ("card-sample", "card"):
        train(root / "history", root / "models", feature_set=feature_set)
    return root


def test_weeks_are_those_of_the_seven_days_before_the_midnight(data_dir: Path) -> None:
    """Count and mean of every card, against another engine and money in cents."""
    end_ms = midnight_ms(END)
    files = sorted((data_dir / "history").glob("date=*/*.parquet"))
    last_week = pl.read_parquet(files, hive_partitioning=False).filter(
        pl.col("event_time").is_between(end_ms - WEEK_MS, end_ms, closed="left")
    )
    expected = {
        TOKENIZER.token(str(number)): Week(
            len(amounts), sum(round(a * 100) for a in amounts) / (100 * len(amounts))
        )
        for number, amounts in last_week.group_by("cc_num").agg("amount").iter_rows()
    }

    snapshot = newest_snapshot(data_dir / "weekly")

    assert end_ms == snapshot.as_of_ms
    assert expected == snapshot.weeks


def test_a_card_that_stands_there_by_number_and_by_token_is_one_card(tmp_path: Path) -> None:
    """The day the archive takes over from a simulated history."""
    token = TOKENIZER.token("4000001234567899")
    for day, columns in {
        "2020-01-20": {"cc_num": [4000001234567899]},
        "2020-01-21": {"card": [token]},
    }.items():
        folder = tmp_path / "history" / f"date={day}"
        folder.mkdir(parents=True)
        at_ms = midnight_ms(date.fromisoformat(day))
        pl.DataFrame({**columns, "event_time": [at_ms], "amount": [0.1]}).write_parquet(
            folder / "payments.parquet"
        )

    Job(tmp_path / "history", tmp_path / "weekly", TOKENIZER).run(END)

    assert {token: Week(2, 0.1)} == newest_snapshot(tmp_path / "weekly").weeks


def test_a_week_without_history_says_which_midnight_has_some(data_dir: Path, tmp_path: Path) -> None:
    """A common mistake is a history of 2020 with today's date."""
    with pytest.raises(SetupError, match="try: fraudstream aggregate --as-of 2020-01-22"):
        Job(data_dir / "history", tmp_path, TOKENIZER).run(END + timedelta(days=30))


def test_the_manifest_says_what_the_model_is_made_of(data_dir: Path) -> None:
    """Features in order, the data, the figures, the checksum."""
    model = load_model(data_dir / "models")
    manifest = json.loads((data_dir / "models" / "card" / "2.0" / "manifest.json").read_text())

    assert FEATURE_SETS["card"] == model.features
    assert 0.25 == model.threshold
    assert "card-2.0" == model.version
    assert ("2020-01-01", "2020-01-21", 1_260_000) == tuple(manifest["history"].values())
    assert manifest["train"]["last"] < manifest["test"]["first"]
    assert 7 == manifest["warm_up_days"]
    assert manifest["metrics"]["auc"] > 0.95
    assert manifest["metrics"]["average_precision"] > 0.5


def test_training_again_gives_the_same_content(data_dir: Path, tmp_path: Path) -> None:
    """To the last byte of every file, whatever number it gets."""
    again = train(data_dir / "history", tmp_path)
    first = json.loads((data_dir / "models" / "card" / "2.0" / "manifest.json").read_text())

    assert first["content_sha256"] == again["content_sha256"]
    assert "1.0" == again["version"]


def test_too_little_history_is_a_sentence(tmp_path: Path) -> None:
    """A day or two may contain no attack to learn from."""
    generate(World(seed=1, cards=20, days=2, payments=100), tmp_path / "history")

    with pytest.raises(SetupError, match="too little fraud"):
        train(tmp_path / "history", tmp_path / "models")


def detector_of(data_dir: Path, feature_set: str) -> Detector:
    """Put the detector of a feature set's model together."""
    version = {"card-sample": "1.0", "card": "2.0"}[feature_set]
    event_type = event_type_named("card")
    return Detector.of(load_model(data_dir / "models", version), event_type)


def test_the_acceptance_test_passes_with_a_smaller_history_too(data_dir: Path) -> None:
    """Ten days of history with scripted attacks and honest bursts are enough; the test's own payments are not in it."""
    weeks = list(newest_snapshot(data_dir / "weekly").weeks.values())

    result = stories.tell_many(detector_of(data_dir, "card"), weeks, stories=1000, seed=1)

    assert result.pass_rate >= 0.95
    assert result.singles_flagged <= 0.001
    assert result.flagged_by_position[0] <= 0.001
    assert min(result.flagged_by_position[1:]) >= 0.97


def test_the_samples_features_do_not_pass_the_acceptance_test(data_dir: Path) -> None:
    """Without the time since the last payment, a script looks like a shopping trip."""
    weeks = list(newest_snapshot(data_dir / "weekly").weeks.values())

    result = stories.tell_many(detector_of(data_dir, "card-sample"), weeks, stories=500, seed=1)

    assert result.pass_rate < 0.5


def test_stories_are_seeded(data_dir: Path) -> None:
    """The same seed tells the same stories."""
    weeks = list(newest_snapshot(data_dir / "weekly").weeks.values())
    detector = detector_of(data_dir, "card")

    assert stories.tell_many(detector, weeks, 50, seed=3) == stories.tell_many(detector, weeks, 50, seed=3)


def test_a_story_is_as_the_sample_tells_it() -> None:
    """Three single payments, then ten in a row, in the bounds of the notebook."""
    story = stories.tell(np.random.default_rng(1))

    assert [0, 1, 2, *[3] * 10] == story.card.tolist()
    assert ((story.cents[:3] >= 100_00) & (story.cents[:3] <= 5000_00)).all()
    assert ((story.cents[3:] >= 1_00) & (story.cents[3:] <= 50_00)).all()
    assert ((story.wait_s[3:] >= 1) & (story.wait_s[3:] <= 2)).all()


def test_perfect_scores_have_perfect_figures() -> None:
    """All fraud on top: every figure at its best."""
    fraud = np.array([True] + [False] * 999)

    figures = evaluate(fraud, np.where(fraud, 0.9, 0.1), 0.25)

    for name in ("auc", "average_precision", "recall_at_1_per_1000", "precision", "recall"):
        assert figures[name] == pytest.approx(1.0)


def test_payments_of_one_kind_cannot_be_evaluated() -> None:
    """Precision and recall need payments with and without fraud."""
    with pytest.raises(SetupError, match="all fraud, or none of them is"):
        evaluate(np.zeros(10, dtype=bool), np.zeros(10), 0.25)


def test_the_commands_do_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the nightly job calls them: settings from the environment, JSON out."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    generate(World(seed=1, cards=2000, days=14, payments=60_000), tmp_path / "history")

    week = CliRunner().invoke(aggregate_command, ["--json"], catch_exceptions=False)
    model = CliRunner().invoke(train_command, ["--json"], catch_exceptions=False)

    assert str(last_midnight(tmp_path / "history")) == json.loads(week.stdout)["as_of"]
    assert "1.0" == json.loads(model.stdout)["version"] == active_version(tmp_path / "models")


def test_the_sql_is_plain() -> None:
    """It runs as it stands, over any two relations of these names; what came twice with one id counts once, refunds do not."""
    sql = (Path(__file__).parents[2] / "fraudstream/offline/aggregate.sql").read_text()
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE payments (cc_num BIGINT, card VARCHAR, tid BIGINT, transaction_id VARCHAR, event_time BIGINT, "
            "amount DOUBLE)"
        )
        database.execute(
            "CREATE TABLE week AS SELECT 0::BIGINT AS first_ms, 0::BIGINT AS oldest_ms, 10::BIGINT AS end_ms, 100::BIGINT AS units"
        )
        database.execute(
            "INSERT INTO payments VALUES (1, NULL, 7, NULL, 0, 0.29), (1, NULL, 8, NULL, 9, 0.57), "
            "(1, NULL, 8, NULL, 9, 0.57), (1, NULL, 9, NULL, 10, 7), (1, NULL, 6, NULL, 5, -0.57), "
            "(NULL, 'ab', NULL, NULL, 1, 0.5), (NULL, 'ab', NULL, NULL, 1, 0.5)"
        )

        weeks = sorted(database.execute(sql).fetchall(), key=str)

    assert [(1, None, 2, 86), (None, "ab", 2, 100)] == weeks
