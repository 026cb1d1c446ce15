"""Taking source logs as they are now: after a restore, a fail-over, a topic made anew or cut.

Where group or state remember another log, the group goes on from one of the log's ends, and what the state has of the other
log is given up. Nothing is left out by default: all that the log has is decided, what was decided before once more.
"""

from typing import NamedTuple

from fraudstream.settings import Settings
from fraudstream.state.positions import SourceCheck
from fraudstream.state.verify import stopped_group


class Adopted(NamedTuple):
    """A source partition that was another than remembered, and what was remembered and is true now."""

    topic: str
    partition: int
    committed: int | None
    goes_on_from: int
    state_given_up: bool
    why: str


async def adopt_sources(settings: Settings, *, at_end: bool) -> list[Adopted]:
    """Commit where to go on wherever a source is not the log remembered; the state is then to be rebuilt.

    `at_end`: leave out what the log has now, because all of it has been decided.
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
