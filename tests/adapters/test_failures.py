"""Every error of Kafka, Redis and AWS is sorted: waited for, one record's matter, or a person's."""

import ssl

from aiokafka import errors as kafka
from botocore import exceptions as aws
from redis import exceptions as redis

from fraudstream.adapters.failures import (
    AWS_CLIENT,
    KAFKA,
    PERMANENT,
    RECORD,
    RETRY,
    by_name,
    of_kafka,
    of_redis,
)


def every_class(root: type[kafka.KafkaError]) -> set[type[kafka.KafkaError]]:
    """Return a class and all that are made from it, as far as aiokafka makes them."""
    below = {each for direct in root.__subclasses__() for each in every_class(direct)}
    return {root, *below} if root.__module__.startswith("aiokafka") else below


def test_no_class_of_aiokafka_is_left_unsorted() -> None:
    """A new version may bring new ones; "no error" is none."""
    assert set() == every_class(kafka.KafkaError) - set(KAFKA) - {kafka.NoError}


def test_examples_of_each_sort() -> None:
    """Errors that operators often see."""
    assert RECORD == of_kafka(kafka.MessageSizeTooLargeError())
    assert RETRY == of_kafka(kafka.NotEnoughReplicasError())
    assert PERMANENT == of_kafka(kafka.TopicAuthorizationFailedError())


def test_examples_of_redis() -> None:
    """A server's own answers are in tests/contracts/test_weekly_redis.py."""
    untrusted = redis.ConnectionError("certificate verify failed")
    untrusted.__cause__ = ssl.SSLCertVerificationError()
    said = "Command # 1 (EXISTS fraudstream:weekly:2020-02-03) of pipeline caused error: MISCONF Redis is configured to save"

    assert RETRY == of_redis(redis.ConnectionError("Connection refused"))
    assert PERMANENT == of_redis(untrusted)
    assert RETRY == of_redis(redis.ResponseError(said))
    assert PERMANENT == of_redis(
        redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind")
    )


def test_examples_of_aws_without_an_answer() -> None:
    """A server that does not answer is an outage; missing credentials are not."""
    assert RETRY == by_name(aws.EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), AWS_CLIENT)
    assert RETRY == by_name(aws.ReadTimeoutError(endpoint_url="http://127.0.0.1:9"), AWS_CLIENT)
    assert PERMANENT == by_name(aws.NoCredentialsError(), AWS_CLIENT)
    assert PERMANENT == by_name(aws.SSLError(endpoint_url="https://127.0.0.1:9", error=""), AWS_CLIENT)
