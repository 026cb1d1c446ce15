"""A real worker with a fixed model and weekly store: run by tests as a process of its own.

Settings come from the environment, as always; one that names another weekly store than the default is followed.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import NoReturn

import faust

from fraudstream.domain.model import Model
from fraudstream.process.logs import configure_logging
from fraudstream.process.tuning import import_xgboost_alone
from fraudstream.settings import Settings
from tests.builders import CountingModel, SameWeek


def run(model: Model, adjust: Callable[[faust.App], None] = lambda _: None) -> NoReturn:
    """Run a worker with this model until SIGTERM; `adjust` may change the app before it starts."""
    configure_logging("info")
    import_xgboost_alone()
    from fraudstream.adapters.weekly.stores import weekly_store
    from fraudstream.app import Ports, create_app

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings = Settings()
    weekly = SameWeek() if settings.weekly_store == "snapshot" else weekly_store(settings)
    app = create_app(settings, Ports(weekly, model))
    adjust(app)
    sys.exit(
        faust.Worker(
            app, loop=loop, loglevel="WARNING", override_logging=False, quiet=True
        ).execute_from_commandline()
    )


if __name__ == "__main__":
    run(CountingModel())
