"""With which lists the events of a partition were decided: the revisions of the lists, each since which sequence."""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from fraudstream.domain.lists.presence import KEPT_MS

STEPS_MAX = 2_048
"""So many changes are remembered, at most: a quarter of an hour of lists that change all the time."""


class Step(msgspec.Struct, frozen=True, array_like=True):
    """Since which sequence a revision of the lists decides, and when it began to (epoch milliseconds, the worker's clock)."""

    revision: int
    from_sequence: int
    at_ms: int


Steps = tuple[Step, ...]
"""Of a partition, the one in force last; the first one decides whatever came before the second."""


def revision_at(steps: Steps, sequence: int) -> int | None:
    """Return the revision that decides the event of a sequence; None where none was ever noted: the newest."""
    if not steps:
        return None
    later = bisect_right(steps, sequence, lo=1, key=lambda step: step.from_sequence)
    return steps[later - 1].revision


def followed(steps: Steps, step: Step) -> Steps:
    """Return the steps with another one in force; those that were replaced long ago are forgotten."""
    kept = [each for each in steps if each.from_sequence < step.from_sequence][1 - STEPS_MAX :]
    recent = [place for place, each in enumerate(kept[1:], 1) if each.at_ms > step.at_ms - KEPT_MS]
    first = recent[0] - 1 if recent else max(0, len(kept) - 1)
    return (*kept[first:], step)


def joined(before: Steps, said: Sequence[Step]) -> Steps:
    """Return the steps that were known before and those that a later record says, which are the last ones then."""
    if not said:
        return before
    return (*(each for each in before if each.from_sequence < said[0].from_sequence), *said)[-STEPS_MAX:]
