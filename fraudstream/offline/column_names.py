"""Maps a file's columns to ours: as the user says, by our own names, or by names that can mean nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.columns import AMOUNT, IDS, LABEL, NUMBER, TIME, TIMES, TOKEN

COMMON: Mapping[str, tuple[str, ...]] = {
    NUMBER: ("cc_num", "card_number", "card_no", "cc_number", "credit_card_number", "pan"),
    TOKEN: (),
    AMOUNT: ("amount", "amt", "transaction_amount", "txn_amount"),
    TIME: (*TIMES, "timestamp", "ts", "transaction_time", "transaction_datetime", "trans_date_trans_time"),
    IDS[0]: (*IDS, "trans_num", "txn_id"),
    LABEL: ("is_fraud", "fraud", "fraud_flag"),
    "scenario": ("scenario",),
    "merchant": ("merchant", "merchant_name"),
    "zip_code": ("zip_code", "zip", "postcode", "postal_code"),
}
"""Ours -> names that are recognised, and reported, without being told. A token is never guessed: it may be a card number."""

METADATA: Mapping[str, str] = {
    IDS[0]: "EVENT_ID",
    NUMBER: "ENTITY_ID",
    TIME: "EVENT_TIMESTAMP",
    LABEL: "EVENT_LABEL",
}
"""Ours -> what Amazon Fraud Detector calls it in files to train from, and `fraudstream etl` does; so written it is nothing else."""

LIKELY: Mapping[str, tuple[str, ...]] = {
    NUMBER: ("card", "account", "pan", "cc"),
    AMOUNT: ("amount", "amt", "value", "price", "total", "sum"),
    TIME: ("time", "date", "created", "when"),
}
"""Columns that a payment needs -> parts of a name that make it worth suggesting."""

NEEDED = {NUMBER: (NUMBER, TOKEN), AMOUNT: (AMOUNT,), TIME: (TIME,)}
"""What a payment needs -> the columns that can provide it."""

Names = Mapping[str, str]
"""Ours -> theirs."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which of our columns a file's columns are."""

    names: Names
    guessed: tuple[str, ...]
    """Our columns that were recognised by another name."""
    left_out: tuple[str, ...]
    """The file's columns that are none of ours."""

    def sentences(self) -> list[str]:
        """Say what was guessed and what is left out."""
        said = [f"{self.names[name]} is used as {name}" for name in self.guessed]
        named = [name or "a column without a name" for name in self.left_out]
        return [*said, f"left out: {', '.join(named)}"] if named else said


def known_names(event_type: EventType) -> Mapping[str, tuple[str, ...]]:
    """Return an event type's columns -> names that are recognised; its own fields come first, and no other variables are."""
    entity, label = event_type.entity, event_type.label
    own: dict[str, tuple[str, ...]] = {
        **({NUMBER: (entity.field,)} if entity else {}),
        AMOUNT: (event_type.amount,),
        TIME: event_type.time.fields,
        **({IDS[0]: (event_type.id,)} if event_type.id else {}),
        **({LABEL: (label.field,)} if label else {}),
        **{variable.name: (variable.field,) for variable in event_type.variables},
    }
    payment = (NUMBER, TOKEN) if entity else ()
    columns = (*payment, AMOUNT, TIME, IDS[0], LABEL, "scenario", *event_type.columns)
    return {ours: tuple(dict.fromkeys((*own.get(ours, ()), *COMMON.get(ours, ())))) for ours in columns}


def check_targets(told: Iterable[str], event_type: EventType) -> None:
    """Raise SetupError for a column that a history does not have."""
    known = known_names(event_type)
    for name in told:
        if name not in known:
            raise SetupError(
                f"a history has no column {name}{did_you_mean(name, known)}; it has {', '.join(known)}"
            )


def columns_of(columns: Sequence[str], told: Names, path: Path, event_type: EventType) -> Columns:
    """Map a file's columns to ours; raises SetupError that says which to name if that is not clear."""
    for theirs in told.values():
        if theirs not in columns:
            raise SetupError(
                f"{path} has no column {theirs}{did_you_mean(theirs, columns)}; it has {', '.join(columns)}"
            )
    free = [name for name in columns if name not in told.values()]
    names, guessed = dict(told), []
    for ours, known in known_names(event_type).items():
        if ours in told or (ours == NUMBER and TOKEN in told):
            continue
        found = _found(ours, known, [name for name in free if name not in names.values()])
        if len(found) > 1:
            raise SetupError(
                f"{path}: {' or '.join(found)} may be the {ours}; choose one, e.g. --column {ours}={found[0]}"
            )
        if found:
            names[ours] = found[0]
            guessed += (found[0] != ours and [ours]) or []
    _check_needed(names, columns, path, has_entity=event_type.entity is not None)
    return Columns(names, tuple(guessed), tuple(name for name in columns if name not in names.values()))


def _found(ours: str, known: Sequence[str], free: Sequence[str]) -> list[str]:
    """Return which columns may be one of ours: the one of a name that is certain, else any that is alike."""
    for exact in (ours, METADATA.get(ours, ours), *known[:1]):
        if exact in free:
            return [exact]
    return [name for name in free if plain_name(name) in map(plain_name, known)]


def _check_needed(names: Names, columns: Sequence[str], path: Path, *, has_entity: bool) -> None:
    missing = [
        ours
        for ours, either in NEEDED.items()
        if (has_entity or ours != NUMBER) and not any(name in names for name in either)
    ]
    if not missing:
        return
    free = [name for name in columns if name not in names.values()]
    hints = [
        f"{theirs} looks like {ours}: use --column {ours}={theirs}"
        for ours in missing
        for theirs in free
        if any(part in plain_name(theirs) for part in LIKELY[ours])
    ]
    how = "; ".join(hints) or (
        f"name them with --column, e.g. --column {missing[0]}=NAME; it has {', '.join(columns)}"
    )
    raise SetupError(f"{path} has no column {' and no '.join(missing)}; {how}")


def plain_name(name: str) -> str:
    """Return a name in lower case, with letters and digits only.

    >>> plain_name("Card Number"), plain_name("cardNumber"), plain_name("card_number")
    ('cardnumber', 'cardnumber', 'cardnumber')
    """
    return re.sub(r"[\W_]", "", name).lower()
