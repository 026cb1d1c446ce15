"""S3 keeps the contract of a store of models: boto3 against moto's server, over HTTP."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import xgboost
from click.testing import CliRunner

from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.opening import model_store
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.s3 import S3Store
from fraudstream.commands.models import models
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import ModelStore, StoreUnavailable
from fraudstream.settings import Settings
from tests.contracts.model_store import ModelStoreContract
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]


class TestModelsInS3(ModelStoreContract):
    """A part of a bucket."""

    @pytest.fixture(autouse=True)
    def _bucket(self, bucket: str) -> None:
        self.bucket = bucket

    @pytest.fixture(autouse=True)
    def _one_write_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """S3 checks a condition and writes in one step; moto does so in two, between which another write may come."""
        write, turn = S3Store.write, threading.Lock()

        def written(store: S3Store, name: str, content: bytes, expected: str | None) -> bool:
            with turn:
                return write(store, name, content, expected)

        monkeypatch.setattr(S3Store, "write", written)

    def store(self) -> ModelStore:
        """Open a prefix of the bucket."""
        return model_store(f"s3://{self.bucket}/models")


def test_a_missing_bucket_is_refused_in_a_sentence_that_says_where(bucket: str) -> None:
    """And which setting to look at."""
    with pytest.raises(SetupError, match=r"s3://nobody-has-this/models/a.*FRAUDSTREAM_MODELS"):
        model_store("s3://nobody-has-this/models").write("a", b"", None)


def test_a_version_in_a_bucket_is_imported_activated_and_loaded(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the worker loads it: the setting is all that differs."""
    monkeypatch.setenv("FRAUDSTREAM_MODELS", f"s3://{bucket}/models")
    rows = np.random.default_rng(1).uniform(0, 20, (500, 2)).astype(np.float32)
    names = ["amount", "seconds_since_previous"]
    data = xgboost.DMatrix(rows, rows[:, 1] < 10, feature_names=names)
    booster = xgboost.train({"objective": "binary:logistic"}, data, 3)
    booster.save_model(tmp_path / "theirs.ubj")

    for words in (["import", str(tmp_path / "theirs.ubj"), "--threshold", "0.4"], ["activate", "1.0"]):
        assert 0 == CliRunner().invoke(models, words, catch_exceptions=False).exit_code
    listed = json.loads(CliRunner().invoke(models, ["list", "--json"]).stdout)
    model = load_model(Registry.of(Settings()))

    assert [("1.0", "ACTIVE")] == [(each["version"], each["state"]) for each in listed]
    assert ("card-1.0", 0.4) == (model.version, model.threshold)
    assert np.array_equal(booster.inplace_predict(rows), model.probabilities(rows))


def test_a_store_that_does_not_answer_may_answer_later(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage ends by itself."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailable):
        model_store(f"s3://{bucket}/models").names()
