"""Handles a position outside its log: the records there were removed, or the log was truncated.

aiokafka would silently go on at the earliest record in both cases: removed records would not be noticed, and what is written
to a truncated log below the committed offset would be taken for decided.
"""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from faust.types import TP

from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.process.exits import crash


async def go_on(consumer: AIOKafkaConsumer, tp: TP, position: int, losses: LogLosses | None) -> None:
    """Go on at the start of a log whose next records were removed, and tell `losses`; crash if the log was truncated.

    The next start compares such a log with what is remembered of it.
    """
    place = f"{tp.topic}, partition {tp.partition}"
    try:
        begin = (await consumer.beginning_offsets([tp]))[tp]
    except KafkaError:
        crash(f"offset {position} of {place} is out of range, and the brokers do not say why")
    if position >= begin:
        crash(f"{place} was read to {position} and ends before: it was cut or made anew")
    if losses is not None:
        losses.note_removed(tp.topic, tp.partition, position, begin)
    await consumer.seek_to_beginning(tp)
