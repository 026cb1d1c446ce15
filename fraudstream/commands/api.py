"""`fraudstream api`: predictions over HTTP."""

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.process.logs import configure_logging


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option("--host", "api_host", help="Address to bind to.  [default: FRAUDSTREAM_API_HOST or 127.0.0.1]")
@click.option(
    "--port", "api_port", type=int, help="Port; 0 picks a free one.  [default: FRAUDSTREAM_API_PORT or 8088]"
)
@click.option("--without-keys", is_flag=True, help="Answer requests without a key.")
@click.option(
    "--fraud-detector",
    is_flag=True,
    help="Also answer programs written for Amazon Fraud Detector; see docs/fraud-detector.md.",
)
@click.option(
    "-l",
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Lowest level that fraudstream logs; at info every request is a line, without its body.",
)
def api(
    broker: str | None,
    api_host: str | None,
    api_port: int | None,
    without_keys: bool,
    fraud_detector: bool,
    log_level: str,
) -> None:
    """Answer HTTP requests for decisions until it is stopped (Ctrl-C or SIGTERM).

    Events go through the log to the workers, so they count in windows like any other. Several processes may run behind a
    balancer. Requests need a key: fraudstream api-keys create.

    Exit codes: 0 stopped, 2 set-up error, 75 no broker or database answers.
    """
    check_installed("fastapi", "httptools", "uvicorn", "sqlalchemy", "alembic", what="the API", extra="api")
    configure_logging(log_level)
    from fraudstream.api.serving import serve
    from fraudstream.settings import Settings

    serve(
        Settings.with_options(
            broker=broker,
            api_host=api_host,
            api_port=api_port,
            api_without_keys=True if without_keys else None,
            api_fraud_detector=True if fraud_detector else None,
        )
    )
