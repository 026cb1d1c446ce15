"""`python -m tests.fake_feature_store`: the fake as a process of its own; prints its two URLs as a line of JSON."""

import argparse
import asyncio
import json
import signal
import sys

from tests.fake_feature_store.records import Store
from tests.fake_feature_store.server import FakeFeatureStore


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    store = Store(options.batch_gets_per_s, options.others_per_s)
    async with FakeFeatureStore(store, options.port, options.control_port) as fake:
        sys.stdout.write(json.dumps({"url": fake.url, "control_url": fake.control_url}) + "\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_feature_store", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one.")
    parser.add_argument("--control-port", type=int, default=0, help="0 takes a free one.")
    parser.add_argument("--batch-gets-per-s", type=float, default=500, help="AWS's default quota.")
    parser.add_argument("--others-per-s", type=float, default=10_000, help="AWS's default quota.")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
