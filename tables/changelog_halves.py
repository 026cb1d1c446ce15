"""What goes to the changelog instead of a record that it refuses: two halves."""

from fraudstream.adapters.kafka.outbox import Message, Refused, nothing_instead
from fraudstream.tables.activity_layout import halves
from fraudstream.tables.changelog_keys import layout_of


def halved(refused: Refused) -> list[tuple[str, int, Message]]:
    """Return a changelog record as two; raises SetupError for a single payment's, which cannot be smaller."""
    key = refused.message.key
    layout = layout_of(key)
    parts = [] if layout is None else halves(layout, refused.message.value)
    if len(parts) < 2:
        return nothing_instead(refused)
    return [(refused.topic, refused.partition, Message(key, part)) for part in parts]
