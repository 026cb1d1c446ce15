"""From a history and a model version to its report."""

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.commands.models import models
from fraudstream.domain.errors import SetupError
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.train import train
from fraudstream.report.making import make_reports
from fraudstream.world.generate import generate
from fraudstream.world.world import World

CARD = event_type_named("card")


def registry(data_dir: Path) -> Registry:
    """Open the models of a data directory."""
    return Registry.at(data_dir / "models", "card")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a history and a model."""
    root = tmp_path_factory.mktemp("data")
    generate(World(seed=1, cards=1500, days=28, payments=150_000, start=date(2020, 1, 1)), root / "history")
    train(root / "history", root / "models", event_type=CARD, activate="always")
    return root


def test_it_judges_what_is_later_than_what_the_model_learnt_from(data_dir: Path) -> None:
    """The figures are those that training printed, of the very same payments."""
    steps: list[str] = []
    (report,) = make_reports(["1.0"], registry(data_dir), data_dir / "history", CARD, step=steps.append)
    trained = train(data_dir / "history", data_dir / "elsewhere", event_type=CARD, activate="never")

    assert trained["test"]["rows"] == report["payments"]
    assert trained["test"]["fraud"] == report["fraud"]
    for name in ("auc", "average_precision", "recall_at_1_per_1000"):
        assert trained["metrics"][name] == pytest.approx(report["figures"][name]["value"], abs=1e-9)
    assert "entity" == report["resampled_by"]
    assert set(trained["features"]) == {each["name"] for each in report["importance"]}
    assert report["fraud"] == sum(group["fraud"] for group in report["positions"]["groups"])
    assert [
        "computing what was known at each payment",
        f"judging {report['payments']:,} payments by 1.0",
    ] == steps


def test_without_later_payments_it_is_a_sentence(data_dir: Path) -> None:
    """What it has learnt from says nothing about it."""
    earlier = data_dir / "earlier"
    (earlier / "date=2020-01-01").mkdir(parents=True)
    for path in (data_dir / "history" / "date=2020-01-01").iterdir():
        (earlier / "date=2020-01-01" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(SetupError, match="a report needs later ones"):
        make_reports(["1.0"], registry(data_dir), earlier, CARD)


def test_the_command_writes_a_page_or_prints_json(data_dir: Path, tmp_path: Path) -> None:
    """Of the active version if none is named; a misspelt one is suggested."""
    environment = {"FRAUDSTREAM_DATA_DIR": str(data_dir)}
    page = tmp_path / "page.html"
    written = CliRunner().invoke(
        models, ["report", "--out", str(page), "--review-cost", "7"], env=environment
    )
    printed = CliRunner().invoke(models, ["report", "1.0", "--json"], env=environment)
    misspelt = CliRunner().invoke(models, ["report", "1.1"], env=environment)
    (report,) = json.loads(printed.stdout)

    assert (0, 0) == (written.exit_code, printed.exit_code), written.output + printed.output
    assert "<title>Model card-1.0</title>" in page.read_text()
    assert "An alert costs 7.00 to look at" in page.read_text()
    assert f"model card-1.0: AUC {report['figures']['auc']['value']:.4f} (" in written.stdout
    assert 5.0 == report["money"]["costs"]["review"]
    assert isinstance(misspelt.exception, SetupError)
    assert "did you mean 1.0" in str(misspelt.exception)


def test_an_imported_model_is_judged_by_what_is_later_than_it_is_said_to_have_learnt(
    data_dir: Path, tmp_path: Path
) -> None:
    """The trees of 1.0 under another number have its figures; if nobody says until when they learnt, that is a sentence."""
    ours = registry(data_dir)
    manifest = ours.manifest(ours.resolve("1.0"))
    (tmp_path / "trees.ubj").write_bytes(ours.file(manifest, "model.ubj"))
    words = ["import", str(tmp_path / "trees.ubj"), "--threshold", "0.25", "--json"]
    environment = {"FRAUDSTREAM_DATA_DIR": str(data_dir)}
    words += ["--features", ",".join(manifest["features"])]
    silent = CliRunner().invoke(models, words, env=environment)
    said = CliRunner().invoke(
        models, [*words, "--trained-until", manifest["train"]["last"][:19]], env=environment
    )
    number = json.loads(said.stdout)["version"]

    theirs, own = make_reports([number, "1.0"], ours, data_dir / "history", CARD)

    assert own["figures"] == theirs["figures"]
    assert "other payments, until 2020-01" in theirs["about"]["details"]["trained on"]
    with pytest.raises(
        SetupError, match=r"nothing says until when model .* learnt, because it was made elsewhere"
    ):
        make_reports([json.loads(silent.stdout)["version"]], ours, data_dir / "history", CARD)


def test_a_datasets_payments_know_their_entity(data_dir: Path) -> None:
    """Attacks are found by it; it is a number, not the card."""
    data = Dataset.of_history(data_dir / "history", event_type=CARD)

    assert data.frame["card_code"].dtype.is_integer()
