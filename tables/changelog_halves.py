"""What goes to the changelog instead of a record that it refuses: two halves."""

from fraudstream.adapters.outbox import Message, Refused, nothing_instead
from fraudstream.tables.activity_layout import halves


def halved(refused: Refused) -> list[tuple[str, int, Message]]:
    """Return a changelog record as two; raises SetupError for a single payment's, which cannot be smaller."""
    parts = halves(refused.message.value)
    if len(parts) < 2:
        return nothing_instead(refused)
    return [(refused.topic, refused.partition, Message(None, part)) for part in parts]
