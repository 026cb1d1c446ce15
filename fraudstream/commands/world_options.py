"""Options that say which simulated world is meant."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

WORLDS = ("card", "hard", "handbook")
"""The names of the worlds; `fraudstream.world.scenarios` says what they are, which --help need not load."""


def world_option(default: str | None) -> Callable[[Command], Command]:
    """Let a command choose a world; without a default it is the history's."""
    what = "The simulated world." if default else "The simulated world.  [default: that of the history]"
    return click.option(
        "--world", type=click.Choice(WORLDS), default=default, show_default=default is not None, help=what
    )


scenario_option = click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME[=SHARE]",
    help="Add account-takeover, merchant-compromise or drift with a share of all frauds, or refunds or shared-cards with a share of "
    "all payments; repeatable.",
)
