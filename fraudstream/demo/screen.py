"""What the demo shows: plain lines as things happen (a log, a pipe); `live.py` draws the same on a terminal."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from fraudstream.acceptance.live import STORY_ID
from fraudstream.demo.scoreboard import Decision, Figures, Scoreboard

Status = Literal["waiting", "running", "done", "failed"]

FIGURES_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the demo and its progress; replaced as a whole, because another thread may be drawing it."""

    label: str
    status: Status = "waiting"
    detail: str = ""
    began: float = 0.0
    took_s: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it took, or has been running."""
        return time.monotonic() - self.began if self.status == "running" else self.took_s


def steps() -> dict[str, Step]:
    """Return the demo's steps in the order of the screen."""
    return {
        "broker": Step("Kafka broker"),
        "history": Step("history of payments"),
        "weeks": Step("weekly aggregates"),
        "model": Step("model"),
        "worker": Step("worker"),
        "traffic": Step("live traffic"),
        "console": Step("console"),
        "acceptance": Step("acceptance story"),
    }


class Screen:
    """Plain lines; a context manager."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        self.steps = steps()
        self.board: Scoreboard | None = None
        self.address = ""
        self.notes: list[str] = []
        self._echo = echo
        self._figures_due = 0.0
        self._alerts_shown = 0

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop drawing."""

    def running(self, name: str, detail: str = "") -> None:
        """Show that a step is running, and what it does."""
        step = self.steps[name]
        if step.status != "running":
            step = replace(step, status="running", began=time.monotonic())
        elif detail == step.detail:
            return
        self.step_changed(name, replace(step, detail=detail))

    def done(self, name: str, detail: str) -> None:
        """Show that a step has succeeded, and with what result."""
        self._end(name, "done", detail)

    def failed(self, name: str, detail: str) -> None:
        """Show that a step has failed."""
        self._end(name, "failed", detail)

    def note(self, text: str) -> None:
        """Show a sentence the user should know."""
        self.notes.append(text)
        self._echo(text)

    def story(self, line: str) -> None:
        """Show a payment of the acceptance story."""
        self._echo(line)

    def tick(self) -> None:
        """Show the figures if it is time; called several times a second."""
        board = self.board
        if board is None:
            return
        now = board.figures()
        for alert in now.latest[: now.alerts - self._alerts_shown][::-1]:
            if not alert.transaction_id.startswith(STORY_ID):  # the story has its own lines
                self._echo(f"alert: {described(alert)}")
        self._alerts_shown = now.alerts
        if time.monotonic() >= self._figures_due:
            self._figures_due = time.monotonic() + FIGURES_EVERY_S
            self._echo(figures(now))

    def step_changed(self, name: str, step: Step) -> None:
        """Store a step's new state, and print it."""
        self.steps[name] = step
        if step.status == "running":
            self._echo(f"{step.label}: {step.detail or 'started'}")
        else:
            mark = "" if step.status == "done" else "FAILED: "
            self._echo(f"{step.label}: {mark}{step.detail} ({step.took_s:.1f} s)")

    def _end(self, name: str, status: Status, detail: str) -> None:
        step = self.steps[name]
        took_s = time.monotonic() - step.began if step.began else 0.0
        self.step_changed(name, replace(step, status=status, detail=detail, took_s=took_s))


def described(alert: Decision) -> str:
    """Return an alert in one line.

    >>> described(Decision("t", "4242", 0, 12.5, 0.99, "block", ["1 s after the previous payment"]))
    '**4242      12.50  block   0.990  1 s after the previous payment'
    """
    return (
        f"**{alert.card_last4} {alert.amount:>10,.2f}  {alert.outcome:<6}  {alert.probability:.3f}  "
        f"{'; '.join(alert.reasons)}"
    )


def share(value: float | None) -> str:
    """Return a share in percent, or a dash.

    >>> share(0.8567), share(None)
    ('86 %', '-')
    """
    return "-" if value is None else f"{value:.0%}".replace("%", " %")


def judged(now: Figures) -> str:
    """Return precision and recall, or what they wait for."""
    if not now.labelled:
        return "waiting for labels"
    if now.recall is None:
        return "no fraud yet"
    if now.precision is None:
        return "no fraud found yet"
    return f"{share(now.precision)}, {share(now.recall)}"


def figures(now: Figures) -> str:
    """Return the figures of the moment in one line."""
    times = f"p50 {now.latency.p50:.1f} ms, p99 {now.latency.p99:.1f} ms" if now.latency else "no latency yet"
    return (
        f"{now.rate:,.0f} payments/s · {times} · {now.decided:,} decided · {now.alerts:,} alerts · "
        f"precision, recall: {judged(now)}"
    )
