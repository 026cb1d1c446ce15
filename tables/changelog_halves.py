"""What goes to the changelog instead of a record that it does not take: two halves."""

from fraudstream.adapters.outbox import Message, Refused, nothing_instead
from fraudstream.tables.activity_layout import halves


def halved(refused: Refused) -> list[tuple[str, int, Message]]:
    """Return a changelog record as two; one with a single payment's delta cannot be smaller."""
    parts = halves(refused.message.value)
    if len(parts) < 2:
        return nothing_instead(refused)
    return [(refused.topic, refused.partition, Message(None, part)) for part in parts]
