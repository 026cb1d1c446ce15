"""What a notebook shows: a data set with the description of its columns, and a report as a page."""

import html
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.extras import check_installed
from fraudstream.adapters.files import write_atomically
from fraudstream.adapters.models.registry import Registry
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.settings import Settings

HEIGHT_PX = 900


@dataclass(frozen=True)
class Data:
    """Labelled events to learn from and later ones to test with, with all that was known at each."""

    train: pl.DataFrame
    test: pl.DataFrame
    columns: pl.DataFrame
    """A row a column: role, type, unit, what it is, the share that is missing, and what its values look like."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        event_type: EventType,
        history: Path | str | None,
        gap_days: int,
        left_out: Collection[str],
    ) -> "Data":
        """Compute it from a history or an archive."""
        check_installed("sklearn", what="a dataset")
        from fraudstream.offline.written_dataset import frames, learnt_from

        source = settings.history_dir if history is None else Path(history)
        data = learnt_from(source, settings.partitions, settings.lateness_horizon_s * 1000, event_type)
        made = frames(data, event_type, gap_days, left_out)
        return cls(made.train, made.test, pl.DataFrame([asdict(each) for each in made.described]))

    def _repr_html_(self) -> str:
        """Show how large it is, and its columns."""
        sizes = f"<p>{self.train.height:,} events to learn from, {self.test.height:,} to test with</p>"
        return sizes + self.columns._repr_html_()


@dataclass(frozen=True)
class Report:
    """What versions are worth on the same payments; the first is the one it is about."""

    figures: Sequence[dict[str, Any]]
    """A report a version, as JSON has it."""
    page: str = field(repr=False)
    """One self-contained HTML page."""

    @classmethod
    def of(
        cls, settings: Settings, event_type: EventType, versions: list[str], history: Path | str | None
    ) -> "Report":
        """Judge versions by the labelled payments of a history."""
        check_installed("sklearn", what="a report")
        from fraudstream.report.making import make_reports
        from fraudstream.report.page import page_of

        source = settings.history_dir if history is None else Path(history)
        reports = make_reports(
            versions, Registry.of(settings), source, event_type, partitions=settings.partitions
        )
        return cls(reports, page_of(reports))

    def save(self, path: Path | str) -> None:
        """Write the page; raises SetupError if that cannot be done."""
        try:
            write_atomically(Path(path), self.page.encode())
        except OSError as error:
            raise SetupError(f"{path} cannot be written ({error.strerror})") from error

    def _repr_html_(self) -> str:
        """Show the page in a frame of its own, so that its styles and scripts stay apart from the notebook's."""
        return f'<iframe srcdoc="{html.escape(self.page)}" width="100%" height="{HEIGHT_PX}" style="border:0"></iframe>'
