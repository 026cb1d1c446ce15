"""The counting worker, whose consumer asks the brokers for new partitions every second instead of every five minutes."""

from typing import Any

from tests.builders import CountingModel
from tests.end_to_end.counting_worker import run


def ask_often(app: Any) -> None:
    """Ask for the topics' metadata repeatedly."""
    app.conf.consumer_metadata_max_age_ms = 1000


if __name__ == "__main__":
    run(CountingModel(), ask_often)
