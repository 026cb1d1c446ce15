"""The options of `fraudstream train` that say how to fit; their names are the fields of `TrainingOptions`."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


class Weight(click.ParamType):
    """A positive number, or the word balanced."""

    name = "NUMBER|balanced"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number or the word."""
        if value == "balanced" or isinstance(value, float):
            return value
        try:
            weight = float(value)
        except ValueError:
            weight = 0.0
        if not 0 < weight < float("inf"):
            self.fail(f"{value!r} is neither a positive number nor balanced", param, ctx)
        return weight


OPTIONS = (
    click.option(
        "--rounds",
        type=click.IntRange(1, 10_000),
        default=100,
        show_default=True,
        help="Trees to fit; with --early-stopping, at most.",
    ),
    click.option(
        "--early-stopping",
        type=click.IntRange(1, 1000),
        help="Stop when the average precision on the last fifth of the time to learn from has not risen for so many rounds, and fit "
        "again to all of it with the best number.",
    ),
    click.option(
        "--class-weight",
        type=Weight(),
        default=1.0,
        show_default=True,
        help="How much a fraud counts beside another payment; balanced: as much as all others together.",
    ),
    click.option(
        "--calibration",
        type=click.Choice(["none", "auto", "isotonic", "platt"]),
        default="none",
        show_default=True,
        help="Turn scores into shares of fraud, by the last fifth of the time to learn from, which the model then does not learn from; "
        "auto: the better of the two.",
    ),
    click.option(
        "--search",
        type=click.FloatRange(min=0, min_open=True, max=7 * 86_400),
        metavar="SECONDS",
        help="Search for better depth, step, rounds, sampling and regularisation for so many seconds, on later parts of the time to learn "
        "from (extra search).",
    ),
    click.option(
        "--anomaly",
        type=click.Choice(["none", "beside", "alone"]),
        default="none",
        show_default=True,
        help="Fit an isolation forest, whose score is `anomaly_score` in decisions and rules, beside the classifier or alone; alone it "
        "needs no labels, the options above do not count, and the probability of every event is 0.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=1,
        show_default=True,
        help="Of what chance decides.",
    ),
)


def fitting_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
