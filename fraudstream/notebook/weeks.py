"""Weekly aggregates for the events of a frame: of the frame's own days, or given."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from fraudstream.adapters.extras import check_installed
from fraudstream.adapters.weekly.files import FIRST, manifests_in, pairs, read_snapshot
from fraudstream.deciding.columns import Columns, variable_known
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.domain.tokens import EntityIndex, Tokenizer
from fraudstream.domain.weekly import Week, WeeklyAnswer, WeeklyStore
from fraudstream.offline.aggregate import DAY, LATE_DAYS, weeks_of
from fraudstream.offline.columns import AMOUNT, IDS, NUMBER, TIME, TOKEN, kinds_of
from fraudstream.offline.history import files_of

Snapshots = Mapping[int, Mapping[str, Week]]
"""Midnight (epoch ms) -> token -> week."""

AS_OF = "as_of"


class GivenWeeks(WeeklyStore):
    """Weeks in memory; answers as the workers' store does: with the midnight before if there is none of the asked one."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks of these entities."""
        for as_of_ms in (midnight_ms, midnight_ms - DAY_MS):
            weeks = self._snapshots.get(as_of_ms)
            if weeks is not None:
                found = {entity: weeks[entity] for entity in entities if entity in weeks}
                return WeeklyAnswer(found, as_of_ms)
        return WeeklyAnswer()

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight, up to this one."""
        return max((at for at in self._snapshots if at <= midnight_ms), default=None)


class FrameWeeks(WeeklyStore):
    """The weeks before each midnight, of the events of the frame, as the nightly job computes them of a history."""

    def __init__(self, counted: Callable[[], Columns], event_type: EventType) -> None:
        """`counted`: the events that count, asked for once, when windows are known."""
        check_installed("duckdb", what="weekly aggregates of a frame's own events")
        self._counted = counted
        self._event_type = event_type
        self._weeks: dict[int, dict[str, Week]] = {}
        self._directory = TemporaryDirectory(prefix="fraudstream-weeks-")
        self._written = False

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks of these entities as of exactly this midnight."""
        if midnight_ms not in self._weeks:
            self._weeks[midnight_ms] = self._computed(midnight_ms)
        weeks = self._weeks[midnight_ms]
        return WeeklyAnswer({entity: weeks[entity] for entity in entities if entity in weeks}, midnight_ms)

    async def newest(self, midnight_ms: int) -> int | None:
        """Return this midnight."""
        return midnight_ms

    async def close(self) -> None:
        """Remove the files."""
        self._directory.cleanup()

    def _computed(self, midnight_ms: int) -> dict[str, Week]:
        directory, declared = Path(self._directory.name), self._event_type
        if not self._written:
            _write_days(directory, self._counted(), declared)
            self._written = True
        day = datetime.fromtimestamp(midnight_ms / 1000, UTC).date()
        files = files_of(directory, day - DAY * declared.weekly.days, day + LATE_DAYS)
        weeks = weeks_of(
            files,
            midnight_ms,
            Tokenizer(b""),  # all entities are tokens already
            decimals=declared.money.decimals,
            kinds=kinds_of(declared),
            weekly=declared.weekly,
        )
        return dict(pairs(weeks))


def _write_days(directory: Path, events: Columns, event_type: EventType) -> None:
    """Write events as a history whose entities are tokens."""
    variables = list(zip(*events.variables, strict=True)) or [()] * len(event_type.variables)
    frame = pl.DataFrame(
        [
            pl.Series(TOKEN, [entity.token for entity in events.entities], pl.String),
            pl.Series(IDS[1], events.ids, pl.String),
            pl.Series(TIME, events.event_time_ms, pl.Int64),
            pl.Series(AMOUNT, events.cents, pl.Int64) / units_of(event_type.money.decimals),
            *(variable_known(*each).series() for each in zip(event_type.variables, variables, strict=True)),
        ]
    )
    days = frame.with_columns(date=pl.from_epoch(TIME, "ms").dt.date())
    for (day,), rows in days.group_by("date", maintain_order=True):
        folder = directory / f"date={day}"
        folder.mkdir()
        rows.drop("date").write_parquet(folder / "events.parquet")


def weeks_in(directory: Path, event_type: EventType) -> GivenWeeks:
    """Return all weeks that `fraudstream aggregate` has kept in a directory; raises SetupError if there are none."""
    manifests = manifests_in(directory, event_type.weekly.layout) if directory.is_dir() else []
    if not manifests:
        raise SetupError(
            f"no weekly aggregates of event type {event_type.name} in {directory}; compute them with: fraudstream aggregate"
        )
    snapshots = [read_snapshot(directory, manifest) for manifest in manifests]
    return GivenWeeks({each.as_of_ms: each.weeks for each in snapshots})


def weeks_of_frame(frame: pl.DataFrame, event_type: EventType, entities: EntityIndex) -> GivenWeeks:
    """Return given weeks: a row an entity and midnight, with the columns of `fraudstream aggregate`; raises SetupError."""
    parts = [part.name for part in event_type.weekly.parts]
    entity = TOKEN if TOKEN in frame.columns else NUMBER
    missing = [name for name in (AS_OF, entity, *FIRST[1:], *parts) if name not in frame.columns]
    if missing:
        raise SetupError(
            f"the weekly aggregates lack {', '.join(missing)}: a row needs {AS_OF} (the midnight they go up to), {NUMBER} or {TOKEN}, "
            f"{', '.join((*FIRST[1:], *parts))}"
        )
    snapshots: dict[int, dict[str, Week]] = {}
    for (given,), rows in frame.group_by(AS_OF):
        as_of_ms = _midnight_ms(given)
        named = rows
        if entity == NUMBER:
            tokens = [entities.entity(number, as_of_ms - 1).token for number in rows[NUMBER].to_list()]
            named = rows.with_columns(pl.Series(TOKEN, tokens, pl.String))
        typed = named.select(
            TOKEN, pl.col(FIRST[1]).cast(pl.Int64), pl.col(FIRST[2]).cast(pl.Float64), *parts
        )
        snapshots.setdefault(as_of_ms, {}).update(pairs(typed))
    return GivenWeeks(snapshots)


def _midnight_ms(given: object) -> int:
    """Return a midnight in epoch milliseconds; raises SetupError for what is none."""
    if isinstance(given, datetime):
        as_of_ms = round(given.replace(tzinfo=given.tzinfo or UTC).timestamp() * 1000)
    elif isinstance(given, date):
        as_of_ms = midnight_ms(given)
    elif isinstance(given, str):
        return _midnight_ms(_day(given))
    else:
        as_of_ms = int(given) if isinstance(given, int) else -1
    if as_of_ms < 0 or as_of_ms % DAY_MS:
        raise SetupError(
            f"{AS_OF} has {given!r}, which is no midnight in UTC: write days, such as 2026-03-01"
        )
    return as_of_ms


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SetupError(f"{AS_OF} has {text!r}, which is no day: write 2026-03-01") from None
