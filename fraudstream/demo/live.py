"""The demo on a terminal: one screen that is drawn again several times a second."""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fraudstream.demo.scoreboard import ALERTS_KEPT, Decision, Figures
from fraudstream.demo.screen import Screen, Step, described, judged

REFRESH_PER_S = 4
STORY_LINES = 4
NO_VALUE = "-"
BLANK = Text()


class LiveScreen(Screen):
    """Draws steps, figures, alerts and the acceptance story in place; a context manager.

    Rich draws in a thread of its own. That thread reads only what is replaced as a whole or copied under a lock. Its errors
    become a line on the screen, because a thread that ended would leave a frozen picture.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(lambda line: None)
        self._console = console
        self._story: list[str] = []
        self._mishap = ""
        self._spinners = {name: Spinner("dots") for name in self.steps}
        self._live = Live(get_renderable=lambda: self, console=console, refresh_per_second=REFRESH_PER_S)

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the last picture on the screen."""
        self._live.stop()

    def story(self, line: str) -> None:
        """Show a payment of the acceptance story."""
        self._story.append(line)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the present picture, or say why it cannot be drawn."""
        try:
            yield from list(console.render(self._picture(console, options), options))
        except Exception as error:  # noqa: BLE001 - the demo goes on whatever is wrong with its picture
            self._mishap = f"the screen could not be drawn: {type(error).__name__}: {error}"
            yield Text(self._mishap, style="yellow")

    def _picture(self, console: Console, options: ConsoleOptions) -> Group:
        """Return all parts; as many alerts as fit below the steps and above the story."""
        board, story = self.board, self._story[-STORY_LINES:]
        above: list[RenderableType] = [self._steps()]
        above += [Text(note, style="yellow") for note in (*self.notes, self._mishap) if note]
        if self.address:
            above.append(Text(f"   Dashboard: {self.address}   Ctrl-C stops everything", style="bold cyan"))
        below: list[RenderableType] = []
        if story:
            lines = [Text.from_ansi(line, no_wrap=True, overflow="ellipsis") for line in story]
            below = [BLANK, Text("Acceptance story", style="bold"), *lines]
        if board is None:
            return Group(*above, *below)
        now = board.figures()
        above += [BLANK, _figures(now), BLANK]
        taken = len(console.render_lines(Group(*above, *below), options))
        rows = (
            options.size.height - 1 - taken - 1
        )  # the last row stays free for the cursor, one has the heading
        return Group(*above, _alerts(now.latest[: min(max(rows, 1), ALERTS_KEPT)]), *below)

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


def _figures(now: Figures) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1), pad_edge=False)
    for heading in ("payments/s", "p50 ms", "p99 ms", "decided", "alerts", "precision, recall"):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{now.rate:,.0f}",
        f"{now.latency.p50:.1f}" if now.latency else NO_VALUE,
        f"{now.latency.p99:.1f}" if now.latency else NO_VALUE,
        f"{now.decided:,}",
        f"{now.alerts:,}",
        judged(now),
    )
    return table


def _alerts(latest: tuple[Decision, ...]) -> RenderableType:
    if not latest:
        return Text("no alert yet", style="dim")
    lines = [Text("Latest alerts (card, amount, outcome, probability, why)", style="bold")]
    for alert in latest:
        style = "red" if alert.outcome == "block" else "yellow"
        lines.append(Text(described(alert), style=style, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)
