"""What the pages know of a worker. They use its read models and these functions, never its agents, state or Kafka."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fraudstream.adapters.archive.search import ArchiveQuery
from fraudstream.domain.events.amounts import HUNDREDTHS
from fraudstream.metrics import Metrics
from fraudstream.monitor.health import Health
from fraudstream.monitor.recent import Decision, RecentDecisions
from fraudstream.monitor.timeline import Timeline

STALLED_AFTER_S = 30.0
"""A partition that has records waiting and makes no progress for this long makes the worker unhealthy."""


@dataclass(slots=True)
class Versions:
    """What is running; changes when another release decides."""

    version: str
    model_version: str
    ruleset_version: str
    release: str | None = None
    """Name of the release that decides, None if none was activated; model and rules are its own."""
    canary: str | None = None
    """Name of the release that decides a share of the entities."""


@dataclass(frozen=True, slots=True)
class Views:
    """A worker as its pages see it.

    card_activity  entity's token -> its stored payments as (event time ms, amount in minor units), oldest first; [] if this
                   worker has the entity's partition and no payments of it, None if another worker has it
    weekly         entity's token -> (count, mean amount, as of ms), or None if the week before is unknown
    health         progress of each assigned partition and problems; called at every request; quick, no I/O
    archive        searches the archive, newest first; must not block the event loop
    peers          base URLs of the other workers (see `fraudstream.monitor.observing.peer_urls`)
    decimals       of the currency, for writing amounts
    entity         what the event type's entity is called: card, account or entity
    declared       the features that the event type declares, and what to call each
    """

    recent: RecentDecisions
    timeline: Timeline
    metrics: Metrics
    card_activity: Callable[[str], Sequence[tuple[int, int]] | None]
    weekly: Callable[[str], Awaitable[tuple[int, float, int] | None]]
    health: Callable[[], Health]
    peers: Callable[[], Sequence[str]]
    versions: Versions
    archive: Callable[[ArchiveQuery], Awaitable[list[Decision]]]
    stalled_after_s: float = STALLED_AFTER_S
    decimals: int = HUNDREDTHS
    entity: str = "card"
    declared: Mapping[str, str] = field(default_factory=dict)
