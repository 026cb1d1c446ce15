"""Every error of Kafka is sorted: waited for, one record's matter, or a person's."""

from aiokafka import errors as kafka

from fraudstream.adapters.failures import KAFKA, PERMANENT, RECORD, RETRY, of_kafka


def every_class(root: type[kafka.KafkaError]) -> set[type[kafka.KafkaError]]:
    """Return a class and all that are made from it, as far as aiokafka makes them."""
    below = {each for direct in root.__subclasses__() for each in every_class(direct)}
    return {root, *below} if root.__module__.startswith("aiokafka") else below


def test_no_class_of_aiokafka_is_left_unsorted() -> None:
    """A new version may bring new ones; "no error" is none."""
    assert set() == every_class(kafka.KafkaError) - set(KAFKA) - {kafka.NoError}


def test_examples_of_each_sort() -> None:
    """What operators meet in their first week."""
    assert RECORD == of_kafka(kafka.MessageSizeTooLargeError())
    assert RETRY == of_kafka(kafka.NotEnoughReplicasError())
    assert PERMANENT == of_kafka(kafka.TopicAuthorizationFailedError())
