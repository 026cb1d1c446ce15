"""From a history and a model version to its report."""

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.commands.models import models
from fraudstream.domain.errors import SetupError
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.train import train
from fraudstream.report.making import make_reports
from fraudstream.world.generate import generate
from fraudstream.world.world import World

CARD = event_type_named("card")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a history and a model."""
    root = tmp_path_factory.mktemp("data")
    generate(World(seed=1, cards=1500, days=28, payments=150_000, start=date(2020, 1, 1)), root / "history")
    train(root / "history", root / "models", event_type=CARD, activate="always")
    return root


def test_it_judges_what_is_later_than_what_the_model_learnt_from(data_dir: Path) -> None:
    """The figures are those that training printed, of the very same payments."""
    (version,) = [path.parent.name for path in (data_dir / "models").glob("*/manifest.json")]
    steps: list[str] = []
    (report,) = make_reports([version], data_dir / "models", data_dir / "history", CARD, step=steps.append)
    trained = train(data_dir / "history", data_dir / "elsewhere", event_type=CARD, activate="never")

    assert trained["test"]["rows"] == report["payments"]
    assert trained["test"]["fraud"] == report["fraud"]
    for name in ("auc", "average_precision"):
        assert trained["metrics"][name] == pytest.approx(report["figures"][name]["value"], abs=1e-9)
    assert "entity" == report["resampled_by"]
    assert set(trained["features"]) == {each["name"] for each in report["importance"]}
    assert report["fraud"] == sum(group["fraud"] for group in report["positions"]["groups"])
    assert [
        "computing what was known at each payment",
        f"judging {report['payments']:,} payments by {version}",
    ] == steps


def test_a_version_of_another_event_type_or_without_later_payments_is_a_sentence(data_dir: Path) -> None:
    """With what to do."""
    (version,) = [path.parent.name for path in (data_dir / "models").glob("*/manifest.json")]
    with pytest.raises(
        SetupError, match="is for events of type card, not creditcard; set FRAUDSTREAM_EVENT_TYPE=card"
    ):
        make_reports([version], data_dir / "models", data_dir / "history", event_type_named("creditcard"))
    earlier = data_dir / "earlier"
    (earlier / "date=2020-01-01").mkdir(parents=True)
    for path in (data_dir / "history" / "date=2020-01-01").iterdir():
        (earlier / "date=2020-01-01" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(SetupError, match="a report needs later ones"):
        make_reports([version], data_dir / "models", earlier, CARD)


def test_the_command_writes_a_page_or_prints_json(data_dir: Path, tmp_path: Path) -> None:
    """Of the active version if none is named; a misspelt one is suggested."""
    (version,) = [path.parent.name for path in (data_dir / "models").glob("*/manifest.json")]
    environment = {"FRAUDSTREAM_DATA_DIR": str(data_dir)}
    page = tmp_path / "page.html"
    written = CliRunner().invoke(
        models, ["report", "--out", str(page), "--review-cost", "7"], env=environment
    )
    printed = CliRunner().invoke(models, ["report", version, "--json"], env=environment)
    misspelt = CliRunner().invoke(models, ["report", f"{version[:-1]}_"], env=environment)
    (report,) = json.loads(printed.stdout)

    assert (0, 0) == (written.exit_code, printed.exit_code), written.output + printed.output
    assert f"<title>Model {version}</title>" in page.read_text()
    assert "An alert costs 7.00 to look at" in page.read_text()
    assert f"model {version}: AUC {report['figures']['auc']['value']:.4f} (" in written.stdout
    assert 5.0 == report["money"]["costs"]["review"]
    assert isinstance(misspelt.exception, SetupError)
    assert f"did you mean {version}" in str(misspelt.exception)


def test_a_datasets_payments_know_their_entity(data_dir: Path) -> None:
    """Attacks are found by it; it is a number, not the card."""
    data = Dataset.of_history(data_dir / "history", event_type=CARD)

    assert data.frame["card_code"].dtype.is_integer()
