"""The detector that a notebook works with: one version of an event type's models, its rules, and what belongs to them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import polars as pl
from pydantic import ValidationError

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.weekly.stores import weekly_store
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.weekly import NoWeeks, WeeklyStore
from fraudstream.notebook.decisions import FrameDecider
from fraudstream.notebook.frames import as_given, as_polars
from fraudstream.notebook.reading import Form, form_of, read
from fraudstream.notebook.shown import Data, Report
from fraudstream.notebook.weeks import FrameWeeks, weeks_in, weeks_of_frame
from fraudstream.settings import Settings
from fraudstream.settings.wrong import sentence

Frame = TypeVar("Frame")
"""A Polars or a pandas frame; what comes back is of the same kind."""

Weekly = Literal["frame", "store"]


@dataclass(frozen=True)
class OpenDetector:
    """A loaded detector. Made by `fraudstream.open`; it never changes, and what is trained later does not touch it."""

    settings: Settings
    event_type: EventType
    detector: Detector
    version: str
    """Its number, such as 1.2."""

    @classmethod
    def of(cls, settings: Settings) -> "OpenDetector":
        """Load the version that is set; raises SetupError that says what to run."""
        event_type, registry = event_type_named(settings.event_type), Registry.of(settings)
        number = registry.resolve(settings.model)
        model = load_model(registry, str(number))
        return cls(
            settings, event_type, Detector.of(model, event_type, settings.fraud_threshold), str(number)
        )

    @property
    def features(self) -> tuple[str, ...]:
        """What its model takes, in order."""
        return self.detector.model.features

    def decide(
        self,
        frame: Frame,
        *,
        form: Form | None = None,
        weekly: Weekly | Path | str | Any = "frame",
    ) -> Frame:
        """Return a decision for every row of a frame, as a worker would make it if the frame were all of the topic.

        `frame`: a Polars or pandas frame, its rows in the order in which the events arrived. `form`: `events` if its columns are
        the fields of records as a producer sends them, `history` if they are those of a history or an archive (`event_time`,
        `amount`, `cc_num` or `card`, `tid` or `transaction_id`, variables by their names); None: found by the columns.

        Windows (ten minutes, and what the event type declares) are computed within the frame, point in time: an event sees those
        before it in the frame, and nothing else. `weekly` says where weekly aggregates come from. `frame`: from the frame's own
        earlier days, as of the last midnight before each event, so they are whole only from the eighth day on. `store`: from the
        store that workers ask. A directory: from all that `fraudstream aggregate` has kept there. A frame with the columns as_of,
        cc_num or card, payments, mean_amount: from its rows.

        The frame that comes back has the columns of published decisions, and `refused`: why a row got no decision (a worker would
        make it a dead letter), null otherwise. Raises SetupError if the columns do not fit.
        """
        given = as_polars(frame)
        decider = FrameDecider(self.detector, self.event_type, self.settings.lateness_horizon_s * 1000)
        found = read(given, self._parser, form or form_of(given, self.event_type))
        decided = decider.decide(found, given.height, self._store(weekly, decider))
        return as_given(decided, frame)

    def dataset(
        self,
        history: Path | str | None = None,
        *,
        label_delay_days: int = 0,
        leave_out: Collection[str] = (),
    ) -> Data:
        """Return what a model learns from, point in time: `train`, `test` and a description of every column.

        The same as `fraudstream dataset` writes. `history`: a history or an archive, by default that of the settings.
        `label_delay_days`: so many days before the test are left out. `leave_out`: variables or features that are not wanted.
        Raises SetupError if there is no history, or no fraud in one of the two parts.
        """
        return Data.of(self.settings, self.event_type, history, label_delay_days, leave_out)

    def report(self, *against: str, history: Path | str | None = None) -> Report:
        """Return what this version is worth on payments later than those it has learnt from, `against` others on the same ones.

        A notebook shows it as a page; `figures` has its numbers. Raises SetupError if no labelled payment is late enough.
        """
        return Report.of(self.settings, self.event_type, [self.version, *against], history)

    def versions(self) -> pl.DataFrame:
        """Return all versions of the event type, the newest last, with state, since when, by whom and why."""
        log = Registry.of(self.settings).log()
        last = {version: log.of(version)[-1] for version in log.states}
        rows = [
            (str(version), state.value, last[version].at, last[version].by, last[version].why)
            for version, state in log.states.items()
        ]
        return pl.DataFrame(rows, ["version", "state", "since", "by", "why"], orient="row")

    def compare(self, *versions: str) -> pl.DataFrame:
        """Return the figures of versions, this one first, each on the events it was tested with: a row a figure."""
        registry = Registry.of(self.settings)
        named = list(dict.fromkeys([self.version, *(str(Version.parsed(each)) for each in versions)]))
        metrics = {each: registry.manifest(registry.resolve(each)).get("metrics", {}) for each in named}
        names = list(dict.fromkeys(name for each in metrics.values() for name in each))
        columns = {version: [each.get(name) for name in names] for version, each in metrics.items()}
        return pl.DataFrame({"figure": names} | columns)

    @property
    def _parser(self) -> Parser:
        settings = self.settings
        entities = entity_index(self.event_type, settings.tokenizer(), settings.partitions)
        return Parser(self.event_type, entities, settings.future_tolerance_s * 1000)

    def _store(self, weekly: Weekly | Path | str | Any, decider: FrameDecider) -> WeeklyStore:
        if self.event_type.entity is None:
            return NoWeeks()
        if isinstance(weekly, str) and weekly == "frame":
            return FrameWeeks(decider.settled, self.event_type)
        if isinstance(weekly, str) and weekly == "store":
            return weekly_store(self.settings)
        if isinstance(weekly, str | Path):
            return weeks_in(Path(weekly), self.event_type)
        entities = entity_index(self.event_type, self.settings.tokenizer(), self.settings.partitions)
        return weeks_of_frame(as_polars(weekly), self.event_type, entities)

    def __repr__(self) -> str:
        """Say what it is."""
        return f"<detector {self.event_type.name} {self.version}, rules {self.detector.ruleset.version}>"


def opened(event_type: str | None, version: str | None, options: dict[str, Any]) -> OpenDetector:
    """Load a detector; options are settings that take precedence over the environment."""
    wrong: Sequence[str] = [name for name in options if name not in Settings.model_fields]
    if wrong:
        raise SetupError(f"there is no setting {', '.join(wrong)}; docs/reference/settings.md lists them")
    try:
        read = Settings.with_options(event_type=event_type, model=version, **options)
    except ValidationError as error:
        raise SetupError(sentence(error, Settings.model_fields)) from error
    return OpenDetector.of(read)
