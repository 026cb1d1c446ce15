"""Chaos: real brokers, real workers, real faults, and an oracle over the log.

python -m tests.chaos --seed 7 --rounds 10 --only zombie --json
"""

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.suite import Suite


def main() -> None:
    """Run the experiments; exit code 1 if anything is lost, double or unequal, or a mutation stays green."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what is random follows from it")
    parser.add_argument(
        "--rounds",
        type=int,
        default=10,
        help="how many kills and faults: 10 is a full run, of some 35 minutes",
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="experiments whose name has this"
    )
    parser.add_argument("--quick", action="store_true", help="one round of everything")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers that are away are the point
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # brokers, workers and directories go with us
    with tempfile.TemporaryDirectory(prefix="chaos-") as root:
        suite = Suite(Path(root), options.seed, 1 if options.quick else options.rounds, options.only)
        asyncio.run(suite.run())
    suite.show(as_json=options.json)
    sys.exit(0 if suite.good else 1)


if __name__ == "__main__":
    main()
