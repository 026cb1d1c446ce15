"""What people write on lists, by commands and in the console alike."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.lists.topic import OnLists, write, writing
from fraudstream.adapters.lists.values import Row, Values, values_of_list
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import SetupError
from fraudstream.domain.lists.entries import Change, Kind, Listed, Listing, Purpose
from fraudstream.domain.names import validate_name
from fraudstream.settings import Settings


def listing_of(found: OnLists, name: str, kind: Kind, purpose: Purpose, by: str, why: str) -> Change:
    """Return what makes a list, or says anew what it is for; raises SetupError."""
    validate_name("list", name)
    if without_card_numbers(name) != name:
        raise SetupError("the name of a list cannot be a card number")
    if name in found.listings and found.listings[name].kind != kind and found.numbers.get(name):
        raise SetupError(
            f"list {name} has values of the kind {found.listings[name].kind}: remove them, or make another list"
        )
    return Change(name, None, Listing(kind, purpose, by, datetime.now(UTC), without_card_numbers(why)))


def entry_of(by: str, until: datetime | None, why: str) -> Listed:
    """Return an entry of now."""
    return Listed(by, datetime.now(UTC), without_card_numbers(why), until)


def imported(rows: Iterable[Row], name: str, by: str, why: str) -> Iterator[Change]:
    """Yield what puts the rows of a file on a list; `why`: of rows without a reason.

    All were put on it at one moment: so entries with one reason and end are alike, and who follows the lists keeps each once.
    """
    at, asked = datetime.now(UTC), without_card_numbers(why)
    for row in rows:
        entry = Listed(by, at, row.why or asked, row.until)
        yield from (Change(name, kept, entry) for kept in row.values)


def values_of(settings: Settings, found: OnLists, name: str) -> Values:
    """Return what reads the values of a list; raises SetupError if there is no such list."""
    entity = event_type_named(settings.event_type).entity
    kind = found.listing(name).kind
    return values_of_list(kind, name, entity.kind if entity else None, settings.tokenizer())


def entities_of(settings: Settings, text: str) -> tuple[str, ...]:
    """Return the ids under which an entity's events come; raises SetupError."""
    entity = event_type_named(settings.event_type).entity
    if entity is None:
        raise SetupError("events of the type that is set have no entity: a rule cannot be snoozed for one")
    return Values("card", settings.tokenizer(), entity.kind).of(text)


async def written(
    settings: Settings, changes: Iterable[Change], told: Callable[[int], None] = lambda number: None
) -> int:
    """Publish changes, some at a time; `told` is called with how many each time. Return how many."""
    total = 0
    async with writing(settings) as publisher:
        async for number in write(publisher, settings, changes):
            total += number
            told(number)
    return total
