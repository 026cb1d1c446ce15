"""The floor: aiokafka's `getmany` in a loop that only counts. No Python consumer on aiokafka can be faster.

Reads the topic several times over, because once takes less than a second.
"""

import argparse
import asyncio

import uvloop
from aiokafka import AIOKafkaConsumer

from benchmarks.peers.marks import Marks

POLL_TIMEOUT_MS = 200
IDLE_S = 2.0


async def read(bootstrap: str, group: str, topic: str, events: int, per_pass: int) -> None:
    """Count `events` records, going back to the beginning after every `per_pass` of them."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=True,
    )
    await consumer.start()
    marks, count, seen = Marks(events), 0, 0
    try:
        while count < events:
            fetched = await consumer.getmany(timeout_ms=POLL_TIMEOUT_MS)
            records = sum(map(len, fetched.values()))
            count += records
            seen += records
            if count >= marks.next:
                marks.reached(count)
            if seen >= per_pass:
                seen = 0
                await consumer.seek_to_beginning()
        await asyncio.sleep(IDLE_S)  # so that it is still there when it is looked at
    finally:
        await consumer.stop()


def main() -> None:
    """Parse the command line and read."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--bootstrap", "--group", "--topic"):
        parser.add_argument(option, required=True)
    parser.add_argument("--events", type=int, required=True, help="records to read in all")
    parser.add_argument("--per-pass", type=int, required=True, help="records the topic holds")
    options = parser.parse_args()
    uvloop.run(read(options.bootstrap, options.group, options.topic, options.events, options.per_pass))


if __name__ == "__main__":
    main()
