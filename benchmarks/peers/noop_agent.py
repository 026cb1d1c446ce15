"""A plain Faust agent that reads every event and does nothing: what Faust itself costs.

Faust as it comes (aiokafka, uvloop): no coalescing, no table, raw bytes, so not even JSON is decoded.
"""

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Any

import faust
import uvloop

from benchmarks.peers.marks import Marks


def noop_app(bootstrap: str, group: str, topic: str, events: int, data_dir: Path) -> faust.App:
    """Build the app with its one agent."""
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        datadir=str(data_dir),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    source: Any = app.topic(
        topic, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
    )
    marks = Marks(events)

    async def noop(stream: Any) -> None:
        count = 0
        async for _event in stream:
            count += 1
            if count >= marks.next:
                marks.reached(count)

    app.agent(source, name="noop")(noop)
    return app


def main() -> None:
    """Parse the command line and run until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--bootstrap", "--group", "--topic"):
        parser.add_argument(option, required=True)
    parser.add_argument("--events", type=int, required=True, help="events to count to")
    parser.add_argument("--data-dir", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = noop_app(options.bootstrap, options.group, options.topic, options.events, options.data_dir)
    faust.Worker(app, loop=loop, loglevel="WARNING", override_logging=False).execute_from_commandline()


if __name__ == "__main__":
    main()
