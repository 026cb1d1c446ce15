"""Models that XGBoost 1.7.6 made are imported, and answer as they did there; the files beside are its own."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fraudstream.commands.models import models
from tests.models import load_model

HERE = Path(__file__).parent


@pytest.mark.parametrize("ending", ["ubj", "json"])
def test_a_model_of_xgboost_1_7_answers_as_it_did_there(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each probability has no difference at all, also where a feature is missing and with a base score of its own."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    answers = json.loads((HERE / "xgboost-1.7.6-answers.json").read_text())
    rows = np.array(answers["rows"], np.float32)

    done = CliRunner().invoke(
        models,
        ["import", str(HERE / f"xgboost-1.7.6.{ending}"), "--threshold", "0.4"],
        catch_exceptions=False,
    )

    model = load_model(tmp_path / "models", "1.0")
    assert (0, ("amount", "seconds_since_previous")) == (done.exit_code, model.features)
    assert np.isnan(rows).any()
    assert 0.0 == np.abs(model.probabilities(rows) - np.array(answers["probabilities"], np.float32)).max()
