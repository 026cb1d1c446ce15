"""The demo's screen: drawn by one thread while another counts, whole on small terminals, never the end of the demo."""

import io
import threading
import time

import pytest
from rich.console import Console

from fraudstream.demo.live import LiveScreen
from fraudstream.demo.scoreboard import Decision, Label, Scoreboard
from fraudstream.demo.screen import judged

COUNTING_S = 1.5
STORY = (
    "12:00:01 unkeyed  {}  **4242      5.00         10,      4.75   0.9990  block    FRAUD      fraud     ok"
)


def terminal(width: int = 80, height: int = 24) -> Console:
    """Return a terminal of that size whose output is kept."""
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, color_system="standard"
    )


def alert(number: int) -> Decision:
    """Return a decision that is shown."""
    return Decision(f"t{number}", "4242", int(time.time() * 1000), 12.5, 0.99, "block", ["9 in ten minutes"])


def picture(screen: LiveScreen, width: int, height: int) -> list[str]:
    """Return the rows of a screen on a terminal of that size."""
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(screen)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def in_full_swing() -> LiveScreen:
    """Return a screen with everything on it that a demo shows."""
    screen = LiveScreen(terminal())
    for name in screen.steps:
        screen.done(
            name, "something that is rather long, longer than a narrow terminal has room for, in fact " * 2
        )
    screen.note("port 9092 is taken by another program, so Kafka uses port 40123")
    screen.address = "http://127.0.0.1:6066"
    screen.board = Scoreboard(since_ms=0)
    for number in range(20):
        screen.board.add_decision(alert(number), time.time())
        screen.story(STORY.format(number))
    return screen


def test_drawing_and_counting_at_the_same_time_goes_on_and_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Decisions arrive at any moment, also while the figures are being read: no error, and the last count is shown."""
    ended: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    screen = LiveScreen(terminal())
    board = screen.board = Scoreboard(since_ms=0)
    counting = threading.Event()

    def drawing() -> None:
        while not counting.is_set():
            picture(screen, 80, 24)
            board.figures()

    threads = [threading.Thread(target=drawing) for _ in range(2)]
    with screen:
        for thread in threads:
            thread.start()
        number, until = 0, time.monotonic() + COUNTING_S
        while time.monotonic() < until:
            board.add_decision(alert(number), time.time())
            board.add_label(Label(f"t{number}", True, "chain"))
            screen.running("traffic", f"{number} payments")
            screen.story(STORY.format(number))
            number += 1
        counting.set()
        for thread in threads:
            thread.join()

    assert [] == ended
    shown = "\n".join(picture(screen, 80, 24))
    assert "could not be drawn" not in shown
    assert f"{number:,}" in shown


@pytest.mark.parametrize(("width", "height", "alerts"), [(80, 24, 2), (120, 40, 5)])
def test_everything_fits_on_the_terminal(width: int, height: int, alerts: int) -> None:
    """All steps, the figures, the latest alerts and the story's last lines; none wraps, none is cut off below."""
    rows = picture(in_full_swing(), width, height)
    shown = "\n".join(rows)

    assert height > len(rows)
    assert width >= max(map(len, rows))
    assert alerts == shown.count("9 in ten minutes")
    assert [str(number) for number in (16, 17, 18, 19)] == [row.split()[2] for row in rows[-4:]]
    for words in ("Kafka broker", "acceptance story", "waiting for labels", "http://127.0.0.1:6066"):
        assert words in shown


def test_a_picture_that_cannot_be_drawn_is_a_line_and_the_next_one_is_drawn() -> None:
    """An error in the drawing thread would otherwise end the thread and leave a frozen screen."""

    class Broken(Scoreboard):
        """A scoreboard that cannot be read."""

        def figures(self) -> None:  # type: ignore[override]
            """Fail as a bug would."""
            raise RuntimeError("deque mutated during iteration")

    screen = in_full_swing()
    whole, screen.board = screen.board, Broken(since_ms=0)
    line = "the screen could not be drawn: RuntimeError: deque mutated during iteration"
    assert [line] == picture(screen, 80, 24)
    screen.board = whole
    assert line in picture(screen, 80, 24), "and what happened stays on the screen"
    assert "Acceptance story" in picture(screen, 80, 24)


def test_shares_wait_for_what_they_are_shares_of() -> None:
    """`recall 0 %, precision -` would look like a bad model, although the labels only come a second later."""
    board = Scoreboard(since_ms=0)
    told = [judged(board.figures())]
    for tid, outcome, fraud in (("a", "approve", False), ("b", "approve", True), ("c", "block", True)):
        board.add_decision(Decision(tid, "4242", 0, 12.5, 0.5, outcome, []), time.time())
        told.append(judged(board.figures()))
        board.add_label(Label(tid, fraud, ""))
        told.append(judged(board.figures()))

    waiting, nothing = "waiting for labels", "no fraud yet"
    missed = "no fraud found yet"
    assert [waiting, waiting, nothing, nothing, missed, missed, "100 %, 50 %"] == told
