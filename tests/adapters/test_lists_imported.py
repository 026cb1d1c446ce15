"""What a file puts on a list, and how little of it is kept by who follows the lists."""

from datetime import UTC, datetime

from fraudstream.adapters.lists.changes import imported
from fraudstream.adapters.lists.topic import ALIKE_MAX, Taken
from fraudstream.adapters.lists.values import Row
from fraudstream.domain.lists.entries import Change, Listed, parsed

NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


def test_all_rows_of_a_file_are_put_on_the_list_at_one_moment() -> None:
    """With their own reasons and ends; rows without a reason have that of the import, and no number of a card."""
    rows = [Row(("a", "b"), None, ""), Row(("c",), NEXT_YEAR, "seen")]
    found = list(imported(rows, "deny", "ann", "of 4111111111111111"))
    (at,) = {each.said.at for each in found if isinstance(each.said, Listed)}

    assert [("deny", "a"), ("deny", "b"), ("deny", "c")] == [(each.name, each.value) for each in found]
    assert Listed("ann", at, "seen", NEXT_YEAR) == found[2].said
    assert "4111" not in str(found[0])


def test_entries_that_are_alike_are_kept_once() -> None:
    """As they come from the topic: each record has its own copy of who, when and why."""
    taken = Taken(lambda name: True)
    rows = [Row((f"v{number}",), None, "") for number in range(50)]
    for offset, change in enumerate(imported(rows, "deny", "ann", "stolen")):
        taken.take(parsed(change.key, change.content), offset)
    entries = taken.on("deny").entries

    assert 50 == len(entries)
    assert 1 == len({id(each) for each in entries.values()})


def test_many_that_differ_are_all_kept() -> None:
    """However many: only so many are remembered to be compared with."""
    taken = Taken(lambda name: True)
    number = ALIKE_MAX + 10
    for offset in range(number):
        taken.take(Change("deny", f"v{offset}", Listed("ann", NEXT_YEAR, f"reason {offset}")), offset)
    entries = taken.on("deny").entries

    assert number == len(entries)
    assert ["reason 0", f"reason {number - 1}"] == [entries[f"v{each}"].why for each in (0, number - 1)]
