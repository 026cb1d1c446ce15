"""What `backtest`, `explain` and `drift` have in common: an archive as a directory, and the keys of its tokens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from fraudstream.domain.events.event_type import EventType
from fraudstream.settings import Settings

archive_option = click.option(
    "--archive",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory of the archive.  [default: FRAUDSTREAM_ARCHIVE]",
)


@contextmanager
def archived_days(
    place: str, event_type: EventType, since_ms: int | None, until_ms: int | None
) -> Iterator[Path]:
    """Yield the archive at a place as a directory, with the days that decisions of a time look back to."""
    from fraudstream.backtest import archived_days as days

    with days.archived_days(place, event_type, since_ms, until_ms) as directory:
        yield directory


def keys_since_ms(settings: Settings) -> Sequence[int]:
    """Return when keys of card tokens changed."""
    from fraudstream.backtest import archived_days as days

    return days.keys_since_ms(settings)
