"""What a world may have beside the AWS sample: scenarios that are hard to decide, each with a share, declared once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.names import did_you_mean
from fraudstream.world import hard_bursts
from fraudstream.world.hard_bursts import ABUSE_LENGTH, SHARED_EVERY, SHARED_LENGTH, TAKEOVER_LENGTH
from fraudstream.world.kinds import ATTACK_MEAN_LENGTH, Draw, Follow, Kind

Shares = tuple[tuple[str, float], ...]
"""Scenario and share, in the order of the table."""

ATTACKS_MAX = 0.9
"""Share of frauds that scenarios may take; the rest are the sample's attacks."""

PRICES_RISE = 0.2
"""By how much honest amounts are higher at the end of a history with drift."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that happens; `share`: of all frauds if it is an attack, else of all payments."""

    what: str
    share: float
    draw: Draw
    payments_per_start: float
    attack: bool = False
    grows: bool = False
    follow: Follow | None = None

    def kind(self, share: float, fraud_share: float) -> Kind:
        """Return how often it starts in a world with this share of fraud."""
        per_payment = share * (fraud_share if self.attack else 1.0) / self.payments_per_start
        return Kind(self.draw, per_payment, self.attack, self.grows, self.follow)


HARD: Mapping[str, Scenario] = {
    "account-takeover": Scenario(
        "somebody orders with a customer's account for a day or two, while the customer goes on paying",
        0.2,
        hard_bursts.takeovers,
        sum(TAKEOVER_LENGTH) / 2,
        attack=True,
    ),
    "merchant-compromise": Scenario(
        "cards that paid at one merchant in one week are abused days or weeks later",
        0.2,
        hard_bursts.abuses,
        sum(ABUSE_LENGTH) / 2,
        attack=True,
        follow=hard_bursts.thefts,
    ),
    "drift": Scenario(
        f"honest amounts rise by {PRICES_RISE:.0%} to the end, and attacks grow patient: more and more wait over ten minutes",
        0.2,
        hard_bursts.patient_chains,
        ATTACK_MEAN_LENGTH,
        attack=True,
        grows=True,
    ),
    "refunds": Scenario(
        "purchases are given back days later, wholly or in part",
        0.02,
        hard_bursts.refunds,
        1.0,
        follow=hard_bursts.returns,
    ),
    "shared-cards": Scenario(
        "two people shop with one card at the same time in two towns",
        0.02,
        hard_bursts.shared_days,
        sum(SHARED_LENGTH) / 2 / SHARED_EVERY,
    ),
}
"""Every scenario, by name."""

WORLDS: Mapping[str, Shares] = {
    "card": (),
    "hard": tuple((name, scenario.share) for name, scenario in HARD.items()),
}
"""Worlds of cards, by name."""


def with_written(shares: Shares, written: Iterable[str]) -> Shares:
    """Return scenarios with those given as NAME or NAME=SHARE, of which the last counts; raises SetupError.

    >>> with_written(WORLDS["card"], ["refunds", "drift=0.5"])
    (('drift', 0.5), ('refunds', 0.02))
    """
    found = dict(shares)
    for text in written:
        name, _, share = text.partition("=")
        if name not in HARD:
            raise SetupError(
                f"there is no scenario {name}{did_you_mean(name, HARD)}; there are {', '.join(HARD)}"
            )
        found[name] = _share(name, share) if share else HARD[name].share
    attacks = sum(share for name, share in found.items() if HARD[name].attack)
    if attacks > ATTACKS_MAX:
        raise SetupError(
            f"these scenarios are {attacks:.0%} of the frauds; more than {ATTACKS_MAX:.0%} leave too few of the other attacks"
        )
    return tuple((name, found[name]) for name in HARD if found.get(name))


def require_refunds(shares: Shares, event_type: EventType | None) -> None:
    """Raise SetupError if the world has refunds and the event type refuses them."""
    if event_type is not None and "refunds" in dict(shares) and event_type.money.refunds == "refuse":
        raise SetupError(
            f"the event type {event_type.name} refuses amounts below zero, which the scenario refunds makes; leave it out with "
            "--scenario refunds=0"
        )


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    most = 1.0 if HARD[name].attack else 0.5
    if not 0 <= share <= most:
        raise SetupError(f"the share of {name} is {text!r}; write a number from 0 to {most:g}")
    return share
