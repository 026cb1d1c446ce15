"""`fraudstream console`: the application for people."""

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.process.logs import configure_logging


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option(
    "--host", "console_host", help="Address to bind to.  [default: FRAUDSTREAM_CONSOLE_HOST or 127.0.0.1]"
)
@click.option(
    "--port",
    "console_port",
    type=int,
    help="Port; 0 picks a free one.  [default: FRAUDSTREAM_CONSOLE_PORT or 8090]",
)
@click.option(
    "-l",
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Lowest level that fraudstream logs; at info every request is a line, without its body.",
)
def console(broker: str | None, console_host: str | None, console_port: int | None, log_level: str) -> None:
    """Serve the application for people until it is stopped (Ctrl-C or SIGTERM).

    One console is enough for all workers; several may run behind a balancer, on one PostgreSQL. People log in: fraudstream users add.

    Exit codes: 0 stopped, 2 set-up error, 75 the database does not answer.
    """
    check_installed(
        "fastapi",
        "httptools",
        "uvicorn",
        "sqlalchemy",
        "alembic",
        "argon2",
        "multipart",
        what="the console",
        extra="console",
    )
    configure_logging(log_level)
    from fraudstream.console.serving import serve
    from fraudstream.settings import Settings

    serve(Settings.with_options(broker=broker, console_host=console_host, console_port=console_port))
