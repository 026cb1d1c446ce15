"""S3 keeps the contract: aioboto3 against moto's server, over HTTP."""

import pytest

from fraudstream.adapters.archive.objects import ObjectsRefused, ObjectStore, ObjectsUnavailable
from fraudstream.adapters.archive.opening import object_store
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.contracts.object_store import ObjectStoreContract
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]


class TestS3Objects(ObjectStoreContract):
    """A part of a bucket."""

    @pytest.fixture(autouse=True)
    def _bucket(self, bucket: str) -> None:
        self.bucket = bucket

    def store(self) -> ObjectStore:
        """Open a prefix of the bucket."""
        return object_store(f"s3://{self.bucket}/lake")


async def test_parts_of_a_bucket_do_not_see_each_other(bucket: str) -> None:
    """Two archives may share a bucket."""
    async with object_store(f"s3://{bucket}/one") as one, object_store(f"s3://{bucket}/two/") as two:
        await one.put("a", b"1")

        assert ["a"] == await one.names()
        assert [] == await two.names()


async def test_a_missing_bucket_is_refused_in_a_sentence_that_says_where(bucket: str) -> None:
    """Waiting would not create the bucket."""
    async with object_store("s3://nobody-has-this/lake") as objects:
        with pytest.raises(ObjectsRefused, match="s3://nobody-has-this/lake/a"):
            await objects.put("a", b"")


async def test_a_store_that_does_not_answer_may_answer_later(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage may pass."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    async with object_store(f"s3://{bucket}/lake") as objects:
        with pytest.raises(ObjectsUnavailable):
            await objects.names()


@pytest.mark.kafka
def test_archiving_into_a_bucket_that_does_not_exist_ends_with_one_sentence(
    bucket: str, kafka_settings: Settings
) -> None:
    """With and without --once: exit code 2, because waiting does not help."""
    settings = kafka_settings.model_copy(update={"archive": "s3://nobody-has-this/lake"})
    for options in ([], ["--once"]):
        ended = fraudstream(settings, "archive", "run", *options)

        assert 2 == ended.returncode
        assert "s3://nobody-has-this/lake" in ended.stderr
        assert "FRAUDSTREAM_ARCHIVE" in ended.stderr
        assert "Traceback" not in ended.stderr
