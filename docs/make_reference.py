"""Write docs/reference/{settings,topics,metrics,commands}.md from the tables in the code: python docs/make_reference.py

A test compares the files with what this would write, so a setting, topic, metric, command or option cannot stay undocumented.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from fraudstream.cli import COMMANDS, cli
from fraudstream.domain.times import HOUR_MS
from fraudstream.metrics import METRICS
from fraudstream.process.exits import EXIT_CODES
from fraudstream.settings import Settings
from fraudstream.settings.variables import CACHE_VARIABLE, REPOSITORY_VARIABLE
from fraudstream.topics import TOPICS, changelog

REFERENCE = Path(__file__).parent / "reference"
EXAMPLES = Path(__file__).parent / "examples"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


FIELDS = {
    "transaction_id": "the payment's id, or topic-partition-offset if it has none",
    "card": "the card's token; the same card has the same token, until the key is rotated",
    "card_last4": "the last four digits of its number",
    "event_time": "when it was paid, epoch ms",
    "amount": "in the event type's currency; below zero: a refund",
    "variables": "what else the payment said, by the names of the event type; null: nothing",
    "features": "what the model saw, and the counts and means behind it",
    "probability": "of fraud, as the model says, 0 to 1",
    "score": "the same as a whole number, 0 to 1000",
    "anomaly_score": "how unusual it is, 0 to 1000; null without an anomaly model (`fraudstream train --anomaly`)",
    "outcome": "`approve`, `review` or `block`: the strictest of the rules that apply",
    "fraud": "true if the probability is above the threshold",
    "rules": "names of the rules that apply",
    "reasons": "up to three sentences for what pushed the score up; none for an approved payment",
    "model_version": "what decided; see `fraudstream train`",
    "ruleset_version": "a hash of the rules",
    "weekly_as_of": "the midnight, epoch ms, at which the card's week ends; null: there was none",
    "insight_score": "on Amazon Fraud Detector's scale: at most 10 % of legitimate events have 600 or more, at most 2 % 900 or more; only there if the model version has this scale, as those of `fraudstream train` have",
    "degraded": "what was missing: `late`, `token-rotated`, `warming-up`, `weekly-missing`, `-stale`, `-refused`, `-timeout`, `-unavailable`, `-token-rotated`; "
    "empty: nothing",
    "source": "the payment's place in Kafka; if records have several events, with its `number` in the record",
    "decided_at": "epoch ms. All fields before it are equal when a decision is published again after a crash",
    "timing_ms": "how long the payment waited (`queued`) and its micro-batch took, by stage",
}
"""Field of a decision -> what it holds, in the order they are published."""


def settings() -> str:
    """Return the page of settings."""
    rows = [
        (
            f"`FRAUDSTREAM_{name.upper()}`",
            "" if field.default is None else f"`{field.default}`",
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]
    broker = [
        (f"`{CACHE_VARIABLE}`", "`~/.cache/fraudstream`", "Where the embedded broker's jars are kept."),
        (f"`{REPOSITORY_VARIABLE}`", "Maven Central", "Where they are fetched from: a mirror."),
    ]
    return (
        "# Settings\n\nRead from the environment and from `.env` in the working directory.\n\n"
        + table(("variable", "default", "what it is for"), rows)
        + "\nOnly for the embedded broker:\n\n"
        + table(("variable", "default", "what it is for"), broker)
    )


def topics() -> str:
    """Return the page of topics."""
    rows = [
        (f"`{topic.name}`", topic.purpose, f"{topic.retention_ms // HOUR_MS} h")
        for topic in (*TOPICS, changelog(Settings.model_construct(app_id="<app_id>")))
    ]
    return (
        "# Topics\n\n`FRAUDSTREAM_TOPIC_PREFIX` is put before every name but the changelog's, which starts with `FRAUDSTREAM_APP_ID`. "
        "All have the same number of partitions, so that a card's payments, decisions and state stay together.\n\n"
        + table(("topic", "what is in it", "kept for"), rows)
        + "\n## A decision\n\nThe value of a record of `decisions`, and of `fraud-alerts` if the outcome is not `approve`: JSON, "
        "without spaces and line breaks.\n\n"
        + code("json", EXAMPLES / "decision.json")
        + "\n"
        + table(("field", "what it holds"), ((f"`{name}`", text) for name, text in FIELDS.items()))
        + "\n## A program that reads alerts\n\nDelivery is at least once: after a crash a decision may come again, equal up to "
        "`decided_at`. Look at `transaction_id`, or set `FRAUDSTREAM_EXACTLY_ONCE_OUTPUTS` and read with "
        "`isolation_level=read_committed`, as here.\n\n" + code("python", EXAMPLES / "alerts.py")
    )


def code(language: str, path: Path) -> str:
    """Return a file as a block of code."""
    return f"```{language}\n{path.read_text()}```\n"


def metrics() -> str:
    """Return the page of metrics."""
    rows = [(f"`{metric.name}`", metric.type, ", ".join(metric.labels), metric.help) for metric in METRICS]
    return "# Metrics\n\nAt `/metrics`, in Prometheus' text format.\n\n" + table(
        ("name", "type", "labels", "what it says"), rows
    )


def commands() -> str:
    """Return the page of commands: all of them at a glance, then each with its arguments and options."""
    rows = [(f"[`fraudstream {name}`](#fraudstream-{name})", entry.help) for name, entry in COMMANDS.items()]
    codes = [(str(code), *said) for code, said in EXIT_CODES.items()]
    return (
        "# Commands\n\nEach has `--help`.\n\n"
        + table(("command", "what it does"), rows)
        + "\n## Exit codes\n\nOf every command. `fraudstream worker --supervised`, deploy/systemd and docker-compose.yml start a worker again after "
        "all but 0 and 2, and after a signal.\n\n"
        + table(("exit code", "what it means", "what to do"), codes)
        + "".join(
            section for name in COMMANDS for section in sections(command_named(name), f"fraudstream {name}")
        )
    )


def command_named(name: str) -> click.Command:
    """Return one of the commands."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def sections(command: click.Command, name: str) -> Iterator[str]:
    """Yield the section of a command and of those below it."""
    context = click.Context(command, info_name=name, terminal_width=10_000)
    usage = " ".join(command.collect_usage_pieces(context))
    text = inspect.cleandoc(command.help or "").replace("\b\n", "")
    level = "##" if name.count(" ") == 1 else "###"
    yield f"\n{level} {name}\n\n`{name} {usage}`\n\n{text}\n"
    options = [record for each in command.params if (record := each.get_help_record(context))]
    if options:
        cells = ((f"`{names}`".replace("|", "\\|"), text.replace("|", "\\|")) for names, text in options)
        yield "\n" + table(("option", "what it does"), cells)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from sections(found, f"{name} {below}")


PAGES = {"settings.md": settings, "topics.md": topics, "metrics.md": metrics, "commands.md": commands}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())
        sys.stdout.write(f"{REFERENCE / name}\n")


if __name__ == "__main__":
    main()
