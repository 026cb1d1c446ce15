"""Reads labels from a CSV file, such as a bank's list of chargebacks, and sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fraudstream import topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.labels import Label, LabelSource, encode
from fraudstream.domain.times import moment_ms
from fraudstream.domain.tokens import partition_of
from fraudstream.offline.columns import FALSE, IDS, TRUE
from fraudstream.offline.csv_rows import BadRow, Row, csv_rows, header_of, open_csv, read_rows, renamed
from fraudstream.settings import Settings

UNSURE = ("unsure", "unknown")
COLUMNS = ("transaction_id", "fraud", "known_at", "note")
NEEDED = COLUMNS[:2]
AT_ONCE = 10_000
"""Labels that are sent together."""


@dataclass(frozen=True, slots=True)
class LabelReader:
    """How the labels of a file are read."""

    source: LabelSource
    now_ms: int
    """When labels without a time became known, and the latest time that is believed."""
    fraud_values: Sequence[str] = ()
    """What the file says of fraud; every other value then means no fraud. None: yes, true, 1, fraud and their opposites."""

    def label(self, given: Mapping[str, str]) -> Label:
        """Return the label of a row; raises InvalidTransaction."""
        transaction_id = given.get("transaction_id")
        if not transaction_id:
            raise InvalidTransaction("no-id", "the row names no transaction")
        return Label(
            transaction_id,
            self._fraud(given.get("fraud", "")),
            self._known_at(given.get("known_at")),
            self.source,
            given.get("note"),
        )

    def _fraud(self, cell: str) -> bool | None:
        if self.fraud_values:
            return cell in self.fraud_values
        word = cell.lower()
        if word in UNSURE:
            return None
        if word not in (*TRUE, *FALSE):
            known = ", ".join((*TRUE, *FALSE, *UNSURE))
            raise InvalidTransaction(
                "invalid-label", f"fraud is not one of {known}; name others with --fraud-value"
            )
        return word in TRUE

    def _known_at(self, cell: str | None) -> int:
        if not cell:
            return self.now_ms
        try:
            known_at = moment_ms(cell)
        except (ValueError, OverflowError) as error:
            raise InvalidTransaction("invalid-time", "known_at is not a day or a time in ISO 8601") from error
        if known_at > self.now_ms:
            raise InvalidTransaction("future-time", "known_at is in the future")
        return known_at


def labels_in(
    path: Path, reader: LabelReader, names: Mapping[str, str], encoding: str, delimiter: str
) -> tuple[list[Label], list[BadRow]]:
    """Return a file's labels in order, and its bad rows. `names`: our column -> the file's. Raises SetupError for the header."""
    bad: list[BadRow] = []
    with open_csv(path, encoding) as text:
        lines = csv_rows(text, path, encoding, delimiter)
        header = _ours(header_of(lines, path), names, path)

        def label(row: Row) -> Label:
            cells = zip(header, row.cells, strict=True)
            return reader.label({name: cell.strip() for name, cell in cells if cell.strip()})

        return list(read_rows(lines, len(header), label, bad)), bad


def _ours(header: Sequence[str], names: Mapping[str, str], path: Path) -> list[str]:
    """Return the header with our names; a history calls the transaction's id `tid`."""
    found = renamed(header, {theirs: ours for ours, theirs in names.items()}, COLUMNS, "labels", path)
    if NEEDED[0] not in found:
        found = [NEEDED[0] if name == IDS[0] else name for name in found]
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise SetupError(
            f"the first line of {path} lacks {' and '.join(missing)}; it has {', '.join(header) or 'no names'}; name its "
            f"columns with --column, e.g. --column {missing[0]}={header[0] if header else 'id'}"
        )
    return found


def require_ids(event_type: EventType) -> None:
    """Raise SetupError if labels could not say which event they are about."""
    if event_type.id is None:
        raise SetupError(f"events of the type {event_type.name} have no id, so labels cannot refer to them")


async def send_labels(publisher: Publisher, settings: Settings, labels: Sequence[Label]) -> None:
    """Publish labels and wait until the brokers have them. Sending one again changes nothing: the same label counts."""
    topic = settings.topic(topics.LABELS.name)
    for start in range(0, len(labels), AT_ONCE):
        outbox = Outbox()
        for label in labels[start : start + AT_ONCE]:
            partition = partition_of(label.transaction_id, settings.partitions)
            outbox.add(topic, partition, Message(label.transaction_id.encode(), encode(label)))
        await publisher.publish(outbox)
