"""S3 keeps the contract of a store of models: boto3 against moto's server, over HTTP."""

import uuid

import boto3
import pytest

from fraudstream.adapters.models.opening import model_store
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import ModelStore, StoreUnavailable
from tests.contracts.model_store import ModelStoreContract
from tests.s3_server import s3

__all__ = ["s3"]


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a bucket of this test, with AWS's configuration as users set it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"b{uuid.uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


class TestModelsInS3(ModelStoreContract):
    """A part of a bucket."""

    @pytest.fixture(autouse=True)
    def _bucket(self, bucket: str) -> None:
        self.bucket = bucket

    def store(self) -> ModelStore:
        """Open a prefix of the bucket."""
        return model_store(f"s3://{self.bucket}/models")


def test_a_missing_bucket_is_refused_in_a_sentence_that_says_where(bucket: str) -> None:
    """And which setting to look at."""
    with pytest.raises(SetupError, match=r"s3://nobody-has-this/models/a.*FRAUDSTREAM_MODELS"):
        model_store("s3://nobody-has-this/models").write("a", b"", None)


def test_a_store_that_does_not_answer_may_answer_later(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage ends by itself."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreUnavailable):
        model_store(f"s3://{bucket}/models").names()
