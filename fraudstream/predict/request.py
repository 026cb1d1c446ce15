"""What somebody wants to be predicted, so that every process that works on it makes the same of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.offline.import_rows import Judge
from fraudstream.offline.written_times import Times
from fraudstream.predict.columns import Style, writer_of
from fraudstream.predict.detectors import Chosen, chosen
from fraudstream.predict.events import Rows
from fraudstream.predict.run import Prediction
from fraudstream.predict.slices import SLICE_ROWS, Files
from fraudstream.predict.weeks import weekly_of
from fraudstream.settings import Settings


@dataclass(frozen=True)
class Request:
    """Files and options; unlike a detector, it can be sent to another process."""

    settings: Settings
    event_type: EventType
    paths: Sequence[Path]
    now_ms: int
    """When it was asked: later events are refused."""
    release: str | None = None
    model: str | None = None
    weekly: Path | None = None
    style: Style = "fraudstream"
    columns: Sequence[tuple[str, str]] = ()
    """Ours and theirs, as told."""
    times: Times = field(default_factory=Times)
    decimal_comma: bool = False
    encoding: str = "utf-8"
    delimiter: str | None = None
    slice_rows: int = SLICE_ROWS

    def prediction(self) -> Prediction:
        """Return what is to be done; raises SetupError if it cannot be."""
        settings, event_type = self.settings, self.event_type
        source = Files(self.paths, self.encoding, self.delimiter, self.slice_rows)
        names = source.schema.names()
        tolerance_ms = settings.future_tolerance_s * 1000
        judge = Judge(event_type, self.times, self.now_ms + tolerance_ms, (), self.decimal_comma)
        entities = entity_index(event_type, settings.tokenizer(), settings.partitions)
        rows = Rows.of(
            names, dict(self.columns), judge, Parser(event_type, entities, tolerance_ms), self.paths[0]
        )
        by = chosen(settings, event_type, self.release, self.model)
        return Prediction(
            source,
            rows,
            by,
            event_type,
            settings.lateness_horizon_s * 1000,
            weekly_of(settings, event_type, self.weekly),
            writer_of(self.style, names, by.release, event_type.name, by.detector.ruleset),
        )

    def decided_by(self, by: Chosen) -> "Request":
        """Return the same with what was chosen, whatever becomes active meanwhile."""
        if by.release is not None:
            return replace(self, release=by.release, model=None)
        number = by.detector.model.version.removeprefix(f"{self.event_type.name}-")
        return replace(self, release=None, model=number)
