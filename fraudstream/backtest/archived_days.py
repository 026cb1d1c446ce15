"""The days of an archive that decisions look back to, as a directory; and since when its tokens have the keys that they have."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from fraudstream.adapters.archive.copied import archive_directory
from fraudstream.backtest.reproducible import keys_since
from fraudstream.backtest.source import Source
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS, date_of
from fraudstream.settings import Settings


@contextmanager
def archived_days(
    place: str, event_type: EventType, since_ms: int | None, until_ms: int | None
) -> Iterator[Path]:
    """Yield the archive at a place as a directory, with the days that decisions of a time look back to."""
    back_ms = Source(Path(), event_type).look_back.days * DAY_MS
    first = date.min if since_ms is None else date_of(since_ms - back_ms)
    last = date.max if until_ms is None else date_of(until_ms + DAY_MS)
    with archive_directory(place, first, last) as directory:
        yield directory


def keys_since_ms(settings: Settings) -> Sequence[int]:
    """Return when keys of card tokens changed; nothing if no key is there, which only a worker makes."""
    if settings.card_token_keys is None and not settings.card_token_key_path.exists():
        return ()
    return keys_since(settings.tokenizer())
