"""`fraudstream worker`: run one worker process."""

import asyncio
import logging
import sys
from importlib.metadata import version

import click

from fraudstream.process.logs import configure_logging
from fraudstream.process.tuning import calm_garbage_collection, limit_threads, put_off_garbage_collection


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option("--web-port", type=int, help="Port of the pages; 0 picks a free one.")
@click.option("--without-web", is_flag=True, help="Serve no pages.")
@click.option("--supervised", is_flag=True, help="Restart the worker whenever it crashes or is killed.")
@click.option(
    "-l",
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Lowest level that fraudstream logs; Faust and the Kafka client log warnings and errors only.",
)
def worker(
    broker: str | None, web_port: int | None, without_web: bool, supervised: bool, log_level: str
) -> None:
    """Decide payments until it is stopped (Ctrl-C or SIGTERM).

    Exit codes: 0 stopped, 2 set-up error, 70 crashed before acknowledging, 75 no broker answers, or disk space, memory or file
    handles are used up. Start it again after 70 and 75, or use --supervised.
    """
    configure_logging(log_level)
    if supervised:
        from fraudstream.process.supervisor import supervise

        sys.exit(supervise(sys.argv[1:], "the worker"))
    logging.getLogger("fraudstream.worker").info("fraudstream %s starts a worker", version("fraudstream"))
    limit_threads()
    put_off_garbage_collection()
    import faust
    import uvloop

    from fraudstream.adapters.kafka.admin import ensure_topics
    from fraudstream.adapters.kafka.leaving import leave
    from fraudstream.app import Ports, create_app
    from fraudstream.settings import Settings

    settings = Settings.with_options(broker=broker, web_port=web_port, web=False if without_web else None)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create_app(settings, Ports.of(settings))
    loop.run_until_complete(app.weekly.connect())
    loop.run_until_complete(ensure_topics(settings))
    calm_garbage_collection()
    process = faust.Worker(app, loop=loop, loglevel="WARNING", override_logging=False, quiet=True)
    try:
        sys.exit(process.execute_from_commandline())
    except Exception as error:  # noqa: BLE001 - Faust raises what ended its start
        leave(error, "starting the worker")
