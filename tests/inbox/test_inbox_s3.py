"""An inbox in S3 that hears of new objects from a queue: each object acts once, however often and in whatever order it is told."""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from fraudstream.adapters.inbox.queue import Queue, names_in
from fraudstream.adapters.inbox.s3 import S3Inbox
from tests.inbox.inboxes import ROWS, events_in, inbox, killed, made_in, raw_csv, records, settled

__all__ = ["bucket", "s3"]
from tests.s3_server import bucket, s3

HIDDEN_S = 3


@pytest.fixture
def queue(s3: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a queue to which the bucket sends notifications of new objects below `new/`."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", s3)
    sqs = boto3.client("sqs")
    name = f"q{uuid.uuid4().hex}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    return name


def put(bucket: str, key: str, content: bytes) -> None:
    """Write an object, which S3 tells the queue."""
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def send(queue: str, body: str) -> None:
    """Send a message to the queue ourselves."""
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], MessageBody=body)


def told(bucket: str, key: str, event: str = "ObjectCreated:Put") -> str:
    """Return a notification as S3 sends it."""
    record = {"eventName": event, "s3": {"bucket": {"name": bucket}, "object": {"key": key, "eTag": "old"}}}
    return json.dumps({"Records": [record]})


def left(queue: str) -> int:
    """Return how many messages the queue has, hidden ones included."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def run(bucket: str, queue: str, tmp_path: Path, *arguments: str) -> tuple[str | Path, ...]:
    """Return the arguments of an inbox that hears of its objects, and ends when it has heard all."""
    out = tmp_path / "out"
    place = f"s3://{bucket}/new"
    return (
        "run",
        place,
        "--action",
        "etl",
        "--out",
        out,
        "--queue",
        queue,
        "--once",
        "--retry",
        "1",
        *arguments,
    )


def test_an_object_acts_once_however_often_it_is_told(bucket: str, queue: str, tmp_path: Path) -> None:
    """Notifications come twice, out of order, of objects elsewhere or gone, and from before the object was replaced."""
    put(bucket, "new/day 1+2.csv", raw_csv())
    put(bucket, "other/b.csv", raw_csv(first=500))
    put(bucket, "new/_SUCCESS", b"")
    for body in (
        told(bucket, "new/day+1%2B2.csv"),
        told(bucket, "new/gone.csv"),
        told("elsewhere", "new/c.csv"),
        json.dumps({"Event": "s3:TestEvent"}),
        json.dumps({"TopicArn": "arn", "Message": told(bucket, "new/day+1%2B2.csv")}),
        told(bucket, "new/day+1%2B2.csv", "ObjectRemoved:Delete"),
    ):
        send(queue, body)

    done = inbox(tmp_path, *run(bucket, queue, tmp_path, "--json"))

    assert 0 == done.returncode, done.stderr
    (record,) = records(tmp_path)
    etag = boto3.client("s3").head_object(Bucket=bucket, Key="new/day 1+2.csv")["ETag"]
    assert ("day 1+2.csv", etag, "done", 1) == tuple(
        record[name] for name in ("name", "etag", "state", "attempts")
    )
    assert sorted(f"t{row}" for row in range(ROWS)) == events_in(tmp_path / "out")
    assert 0 == left(queue)


@pytest.mark.parametrize("step", ["begun", "started", "acted"])
def test_whatever_is_killed_an_object_acts_once(step: str, bucket: str, queue: str, tmp_path: Path) -> None:
    """Its message comes again when it is no longer hidden, or the object is found by the listing of the next start."""
    put(bucket, "new/a.csv", raw_csv())

    killed(tmp_path, step, *run(bucket, queue, tmp_path))
    done = settled(tmp_path, *run(bucket, queue, tmp_path))

    assert 0 == done.returncode, done.stderr
    assert ["done"] == [record["state"] for record in records(tmp_path)]
    assert 1 == len(made_in(tmp_path / "out"))
    assert sorted(f"t{row}" for row in range(ROWS)) == events_in(tmp_path / "out")


def test_what_is_no_notification_stays_in_the_queue(bucket: str, queue: str, tmp_path: Path) -> None:
    """It may be of somebody else; the queue's rule for dead letters decides. What comes after it is taken."""
    send(queue, "hello")
    put(bucket, "new/bad.csv", b"nothing,of,this\n1,2,3\n")

    done = inbox(tmp_path, *run(bucket, queue, tmp_path))

    assert 1 == done.returncode, done.stderr
    assert "is no notification of S3" in done.stderr
    assert ["set-aside"] == [record["state"] for record in records(tmp_path)]
    assert 1 == left(queue)


async def test_a_message_stays_hidden_while_its_files_are_worked_on(bucket: str, queue: str) -> None:
    """For longer than SQS hides it at first."""
    send(queue, told(bucket, "new/a.csv"))
    place = S3Inbox(f"s3://{bucket}/new")
    async with Queue(queue, place, HIDDEN_S) as ours, Queue(queue, place) as theirs:
        test = await ours.receive(1)  # which S3 sends when it gets to know the queue
        assert test is not None
        assert () == test.names
        await ours.delete(test)
        heard = await ours.receive(1)
        assert heard is not None
        async with ours.held(heard):
            await asyncio.sleep(2 * HIDDEN_S)
            assert await theirs.receive(0) is None
        await ours.later(heard, 0)
        again = await theirs.receive(1)
        assert again is not None
        assert heard.names == again.names == ("a.csv",)
        await theirs.delete(again)
        assert await theirs.receive(0) is None


@pytest.mark.parametrize(
    "body", ["hello", "[]", "{}", '{"Records": 1}', '{"Records": [{"eventName": "x"}]}', "3"]
)
def test_other_messages_are_told_from_notifications(body: str) -> None:
    """Whatever they hold."""
    assert names_in(body, S3Inbox("s3://b/new")) in (None, ())


def test_a_bucket_that_is_not_there_is_said(bucket: str, queue: str, tmp_path: Path) -> None:
    """With code 2, and the queue, too."""
    arguments: list[Any] = [*run(bucket, queue, tmp_path)]
    place, named = arguments.index(f"s3://{bucket}/new"), arguments.index(queue)

    no_bucket = inbox(tmp_path, *[*arguments[:place], "s3://nowhere-at-all", *arguments[place + 1 :]])
    no_queue = inbox(tmp_path, *[*arguments[:named], "no-queue", *arguments[named + 1 :]])

    assert (2, True) == (no_bucket.returncode, "s3://nowhere-at-all: " in no_bucket.stderr), no_bucket.stderr
    assert (2, True) == (no_queue.returncode, "no-queue: " in no_queue.stderr), no_queue.stderr
