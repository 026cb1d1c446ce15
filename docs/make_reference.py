"""Write docs/reference/{settings,topics,metrics,commands}.md from the tables in the code: python docs/make_reference.py

A test compares the files with what this would write, so a setting, topic, metric or command cannot stay undocumented.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from fraudstream.adapters.process import EXIT_CODES
from fraudstream.cli import COMMANDS
from fraudstream.metrics import METRICS
from fraudstream.settings import Settings
from fraudstream.settings.variables import CACHE_VARIABLE, REPOSITORY_VARIABLE
from fraudstream.topics import TOPICS, changelog

REFERENCE = Path(__file__).parent / "reference"
HOUR_MS = 3_600_000


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


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
    )


def metrics() -> str:
    """Return the page of metrics."""
    rows = [(f"`{metric.name}`", metric.type, ", ".join(metric.labels), metric.help) for metric in METRICS]
    return "# Metrics\n\nAt `/metrics`, in Prometheus' text format.\n\n" + table(
        ("name", "type", "labels", "what it says"), rows
    )


def commands() -> str:
    """Return the page of commands."""
    rows = [(f"`fraudstream {name}`", entry.help) for name, entry in COMMANDS.items()]
    codes = [(str(code), *said) for code, said in EXIT_CODES.items()]
    return (
        "# Commands\n\nEach has `--help`.\n\n"
        + table(("command", "what it does"), rows)
        + "\n## Exit codes\n\nOf every command. `fraudstream worker --supervised`, deploy/systemd and docker-compose.yml start a worker again after "
        "all but 0 and 2, and after a signal.\n\n"
        + table(("exit code", "what it means", "what to do"), codes)
    )


PAGES = {"settings.md": settings, "topics.md": topics, "metrics.md": metrics, "commands.md": commands}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())
        sys.stdout.write(f"{REFERENCE / name}\n")


if __name__ == "__main__":
    main()
