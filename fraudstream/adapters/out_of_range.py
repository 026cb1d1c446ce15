"""A position that a log does not have any more, or not yet again, while it is read.

aiokafka would begin again at the earliest record in both cases without a word: what was removed would not be noticed, and all
that is written to a shortened log below the committed offset would be taken for decided.
"""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from faust.types import TP

from fraudstream.adapters.log_losses import LogLosses
from fraudstream.adapters.process import crash


async def go_on(consumer: AIOKafkaConsumer, tp: TP, position: int, losses: LogLosses | None) -> None:
    """Go on at the beginning of a log whose next records were removed, and tell `losses`; end the process if it was cut.

    The next start holds such a log against what is remembered of it.
    """
    place = f"{tp.topic}, partition {tp.partition}"
    try:
        begin = (await consumer.beginning_offsets([tp]))[tp]
    except KafkaError:
        crash(f"offset {position} of {place} is out of range, and no broker says why")
    if position >= begin:
        crash(f"{place} was read to {position} and ends before: it was cut or made anew")
    if losses is not None:
        losses.note_removed(tp.topic, tp.partition, position, begin)
    await consumer.seek_to_beginning(tp)
