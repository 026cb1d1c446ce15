"""Accepts source logs as they are now: after a restore, a fail-over, or a topic that was recreated or truncated.

Where the group or the state remembers another log, the group goes on from this log's start or end, and what the state
has of the other log is given up. By default nothing is left out: all that the log has is decided, if need be a second
time.
"""

from typing import NamedTuple

from fraudstream.settings import Settings
from fraudstream.state.positions import SourceCheck
from fraudstream.state.verify import stopped_group


class Adopted(NamedTuple):
    """A source partition whose log is not the one remembered, and where the group goes on."""

    topic: str
    partition: int
    committed: int | None
    goes_on_from: int
    state_given_up: bool
    why: str


async def adopt_sources(settings: Settings, *, at_end: bool) -> list[Adopted]:
    """Commit a new offset wherever a source is not the log remembered; the state must be rebuilt afterwards.

    `at_end`: skip what the log has now, because all of it has been decided.
    """
    adopted, check = [], SourceCheck(settings)
    async with stopped_group(settings) as logs:
        for topic, partition, why, state in await check.misfits(
            logs, dict.fromkeys(range(settings.partitions), -1)
        ):
            begin, end = await logs.span(topic, partition)
            committed = await logs.committed_if_any(topic, partition)
            adopted.append(Adopted(topic, partition, committed, end if at_end else begin, state, why))
        if adopted:
            await logs.commit({(each.topic, each.partition): each.goes_on_from for each in adopted})
    return adopted
