"""The demo on a terminal: one screen that is drawn again several times a second."""

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fraudstream.demo.scoreboard import Scoreboard
from fraudstream.demo.screen import Screen, Step, described, share

REFRESH_PER_S = 4
STORY_LINES = 4
NO_VALUE = "-"


class LiveScreen(Screen):
    """Draws steps, figures, alerts and the acceptance story in place; a context manager."""

    def __init__(self, console: Console) -> None:
        super().__init__(lambda line: None)
        self._console = console
        self._story: list[str] = []
        self._spinners = {name: Spinner("dots") for name in self.steps}
        self._live = Live(get_renderable=self._drawn, console=console, refresh_per_second=REFRESH_PER_S)

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the last picture on the screen."""
        self._live.stop()

    def story(self, line: str) -> None:
        """Show a payment of the acceptance story."""
        self._story.append(line)

    def _drawn(self) -> RenderableType:
        parts: list[RenderableType] = [self._steps()]
        parts += [Text(note, style="yellow") for note in self.notes]
        if self.address:
            parts.append(Text(f"   Dashboard: {self.address}   Ctrl-C stops everything", style="bold cyan"))
        if self.board is not None:
            parts += [Text(), _figures(self.board), Text(), _alerts(self.board)]
        if self._story:
            story = [
                Text.from_ansi(line, no_wrap=True, overflow="ellipsis") for line in self._story[-STORY_LINES:]
            ]
            parts += [Text("\nAcceptance story", style="bold"), *story]
        return Group(*parts)

    def _steps(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, step in self.steps.items():
            table.add_row(
                self._mark(name, step),
                step.label,
                _seconds(step),
                Text(step.detail, overflow="ellipsis", no_wrap=True),
            )
        return table

    def _mark(self, name: str, step: Step) -> RenderableType:
        if step.status == "running":
            return self._spinners[name]
        return {
            "waiting": Text("·", "dim"),
            "done": Text("✓", "bold green"),
            "failed": Text("✗", "bold red"),
        }[step.status]


def _seconds(step: Step) -> Text:
    return Text("" if step.status == "waiting" else f"{step.seconds:.1f} s", style="dim", justify="right")


def _figures(board: Scoreboard) -> Table:
    rate, latency = board.lately()
    table = Table(show_header=True, header_style="bold")
    for heading in ("payments/s", "p50 ms", "p99 ms", "decided", "alerts", "precision", "recall"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{rate:,.0f}",
        f"{latency.p50:.1f}" if latency else NO_VALUE,
        f"{latency.p99:.1f}" if latency else NO_VALUE,
        f"{board.decided:,}",
        f"{board.alerts:,}",
        share(board.precision),
        share(board.recall),
    )
    return table


def _alerts(board: Scoreboard) -> RenderableType:
    if not board.latest:
        return Text("no alert yet", style="dim")
    lines = [Text("Latest alerts (card, amount, outcome, probability, why)", style="bold")]
    for alert in list(board.latest):
        style = "red" if alert.outcome == "block" else "yellow"
        lines.append(Text(described(alert), style=style, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)
