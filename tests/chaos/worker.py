"""The worker under test: the product with a fixed model and week, a trap, and perhaps a mutation.

    python -m tests.chaos.worker --trap FILE [--clock FILE] [--mutation NAME] [--weekly URL] [--supervised]

Settings come from the environment, as always.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from fraudstream.process.logs import configure_logging
from fraudstream.process.tuning import calm_garbage_collection, import_xgboost_alone, limit_threads

RESTART_WAITS_S = (0.2,)
"""The product waits longer with every crash; a test has no time for that."""


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trap", type=Path, required=True)
    parser.add_argument("--clock", type=Path, help="by how many seconds the clock is wrong")
    parser.add_argument("--mutation")
    parser.add_argument("--weekly", help="address of a weekly store")
    parser.add_argument("--supervised", action="store_true")
    options = parser.parse_args()
    configure_logging("info")
    if options.supervised:
        from fraudstream.process.supervisor import Supervisor

        arguments = [argument for argument in sys.argv[1:] if argument != "--supervised"]
        sys.exit(Supervisor([sys.executable, "-m", "tests.chaos.worker", *arguments], RESTART_WAITS_S).run())
    limit_threads()
    import_xgboost_alone()
    if options.clock is not None:
        from tests.chaos import wrong_clock

        wrong_clock.install(options.clock)
    run(options.trap, options.mutation, options.weekly)


def run(trap_file: Path, mutation: str | None, weekly_url: str | None) -> None:
    """Run the worker itself."""
    import faust
    import uvloop

    from fraudstream.adapters.weekly.guard import GuardedWeekly
    from fraudstream.app import Ports, create_app
    from fraudstream.domain.weekly import WeeklyStore
    from fraudstream.settings import Settings
    from tests.builders import CountingModel, SameWeek
    from tests.chaos import gaps
    from tests.chaos.http_week import CACHED_CARDS, HttpWeek
    from tests.chaos.mutations import MUTATIONS

    gaps.install(gaps.Trap(trap_file))
    if mutation is not None:
        MUTATIONS[mutation]()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings = Settings()
    weekly: WeeklyStore = SameWeek()
    if weekly_url is not None:
        weekly = GuardedWeekly(HttpWeek(weekly_url), settings.lookup_timeout_ms / 1000, CACHED_CARDS)
    app = create_app(settings, Ports(weekly, CountingModel()))
    calm_garbage_collection()
    process = faust.Worker(app, loop=loop, loglevel="WARNING", override_logging=False, quiet=True)
    sys.exit(process.execute_from_commandline())


if __name__ == "__main__":
    main()
