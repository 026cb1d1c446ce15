"""The `fraudstream` command: a table of commands, each imported only when it is asked for.

Importing lazily keeps `fraudstream --help` instant and lets a worker run without the offline libraries.
"""

import errno
import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from keyword import iskeyword
from typing import TYPE_CHECKING, NamedTuple

import click

from fraudstream.adapters.extras import extras_named
from fraudstream.commands.group import Group
from fraudstream.domain.errors import FraudstreamError
from fraudstream.process.exits import EXIT_SETUP, EXIT_UNAVAILABLE, exit_code, scarce
from fraudstream.process.logs import mask_card_numbers
from fraudstream.process.tuning import import_xgboost_alone, keep_files_private, let_threads_sleep

if TYPE_CHECKING:
    from pydantic import ValidationError

NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR)
"""Errors of a place that cannot be written and that do not pass by themselves."""


class Entry(NamedTuple):
    """Where a command lives below fraudstream.commands, and its line in `fraudstream --help`."""

    module: str
    help: str


COMMANDS = {
    "demo": Entry(
        "demo", "Start everything at once: broker, simulated history, model, worker, traffic and dashboard."
    ),
    "acceptance": Entry(
        "acceptance", "Send one attack to a running worker and check its decisions: PASS or FAIL."
    ),
    "broker": Entry("broker", "Start, stop and inspect the embedded Kafka broker."),
    "preflight": Entry(
        "preflight", "Look whether all that workers need is there; name what is missing and what makes it."
    ),
    "teardown": Entry("teardown", "Remove what fraudstream has made, after naming all of it and asking."),
    "topics": Entry("topics", "Create, list, describe and grow the topics; print or grant rights to them."),
    "state": Entry(
        "state", "Compare a worker's state and the changelog with the source topics, and repair them."
    ),
    "worker": Entry("worker", "Run a worker: decide payments until it is stopped."),
    "produce": Entry("produce", "Send payments: simulated live traffic or a replay of history."),
    "api": Entry("api", "Answer HTTP requests for decisions."),
    "api-keys": Entry("api_keys", "Make, list and revoke keys of programs that ask the API."),
    "console": Entry(
        "console", "Serve the application for people: cases, results, releases, who may do what."
    ),
    "audit": Entry("audit", "List what people have changed, and verify that nobody has changed the list."),
    "users": Entry("users", "Add, invite, list and disable the people who may log in to the console."),
    "webhooks": Entry(
        "webhooks",
        "Send alerts and changes of cases to addresses of other programs: signed, each at least once.",
    ),
    "predict": Entry(
        "predict", "Decide the events of files, every row of them, or one event through the API."
    ),
    "score": Entry(
        "score", "Say what a release would decide about one event, also if some features were others."
    ),
    "jobs": Entry("jobs", "List, show and cancel work that takes long, such as the prediction of files."),
    "dead-letters": Entry("dead_letters", "List, show and send again records that got no decision."),
    "labels": Entry(
        "labels", "Publish what events turned out to be, and report how good decisions were by it."
    ),
    "event-types": Entry(
        "event_types", "List, show, check and draft event types, which declare the fields of events."
    ),
    "export": Entry("export", "Write models, releases, lists and users as files, to take them elsewhere."),
    "import": Entry("import_", "Take over what was exported, or made in Amazon Fraud Detector."),
    "generate": Entry(
        "generate", "Generate a simulated history: months of card payments with attacks among them."
    ),
    "history": Entry(
        "history", "Import payments of your own: CSV, Parquet or NDJSON, with or without labels."
    ),
    "etl": Entry("etl", "Make typed files to train and test on of raw CSV, Parquet or NDJSON."),
    "inbox": Entry(
        "inbox", "Watch a directory or S3 prefix: each new file starts ETL, a prediction or a training, once."
    ),
    "aggregate": Entry("aggregate", "Compute the weekly aggregates of every entity (the nightly job)."),
    "store": Entry("store", "Create, load and check the store in which workers look up weekly aggregates."),
    "dataset": Entry(
        "dataset", "Write what a model learns from as Parquet, with a description of every column."
    ),
    "datasets": Entry(
        "datasets", "Fetch public data sets: real card payments to try and to judge models with."
    ),
    "train": Entry("train", "Train, evaluate and save a model version."),
    "models": Entry(
        "models", "List, show, compare, activate and delete model versions, and report what each is worth."
    ),
    "releases": Entry(
        "releases",
        "Draft, check, try, activate and roll back releases: model, rules and threshold, switched while workers run.",
    ),
    "rules": Entry("rules", "List, add, change, pause, try and compare rules, and check them."),
    "backtest": Entry(
        "backtest", "Decide past payments again with other rules, model or threshold, and compare."
    ),
    "explain": Entry(
        "explain", "Make archived decisions again, as they were made, and say what would have changed them."
    ),
    "drift": Entry(
        "drift", "Compare the newest archived payments with the model's training and with the days before."
    ),
    "lists": Entry(
        "lists", "Put cards, merchants and other values on lists that rules ask, and snooze rules."
    ),
    "archive": Entry(
        "archive", "Archive every decided payment as Parquet, compact the archive and search it."
    ),
    "parity": Entry(
        "parity", "Check that the stream computes the same features as training, to the last bit."
    ),
    "sizing": Entry(
        "sizing", "Estimate brokers, partitions, workers, memory and bytes for a rate of payments."
    ),
    "tokens": Entry("tokens", "List and rotate the keys that turn card numbers into tokens."),
    "web-user": Entry("web_user", "Add a user to the users file of the pages, with a password."),
}
"""Command -> where it is, in the order a newcomer meets them. The click object has the command's name."""


class LazyGroup(Group):
    """A click group that imports a command's module when the command is run, not to list it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table, not alphabetically."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, or None if there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fraudstream.commands.{COMMANDS[cmd_name].module}")
        name = cmd_name.replace("-", "_")
        command = getattr(module, f"{name}_" if iskeyword(name) else name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the table's help texts."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fraudstream")
def cli() -> None:
    """Decide card payments in a stream: exact ten-minute windows, weekly aggregates, XGBoost and rules."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error is one sentence; the exit code is 2 if the user has to act, 75 if it may pass by itself."""
    mask_card_numbers()
    keep_files_private()
    let_threads_sleep()
    import_xgboost_alone()
    with complaining():
        cli.main(args=arguments, prog_name="fraudstream")


@contextmanager
def complaining() -> Iterator[None]:
    """Turn an error that the user can correct, or that may pass by itself, into one sentence and its exit code."""
    try:
        with extras_named():
            yield
    except FraudstreamError as error:
        complain(str(error), exit_code(error))
    except _wrong_value() as error:
        from fraudstream.settings import Settings, wrong

        complain(wrong.sentence(error, Settings.model_fields))
    except BaseException as error:  # a panic of Polars is no Exception
        if sentence := scarce(error):
            complain(f"{sentence} ({error})", EXIT_UNAVAILABLE)
        if refusal := _of_kafka(error):
            complain(str(refusal), exit_code(refusal))
        if not isinstance(error, OSError) or error.filename is None or error.errno not in NO_RIGHT:
            raise
        complain(
            f"{error.filename} cannot be used ({error.strerror}); correct that, or use another directory, e.g. with FRAUDSTREAM_DATA_DIR"
        )


def _of_kafka(error: BaseException) -> FraudstreamError | None:
    """Return what an error of aiokafka means, in the midst of a command; one that has not imported aiokafka gets none."""
    if "aiokafka" not in sys.modules:
        return None
    from aiokafka.errors import KafkaError

    from fraudstream.adapters.failures import kafka_error

    return kafka_error("a request to Kafka failed", error) if isinstance(error, KafkaError) else None


def _wrong_value() -> type["ValidationError"]:
    """Return pydantic's error; imported only when there is an error, so that a start need not wait for pydantic."""
    from pydantic import ValidationError

    return ValidationError


def complain(sentence: str, code: int = EXIT_SETUP) -> None:
    """Print what is wrong and exit, by default with code 2."""
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
