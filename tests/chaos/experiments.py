"""The table of experiments: what goes wrong, and what it is tried with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fraudstream.settings import Settings
from tests.chaos import (
    brokers,
    changelog,
    clocks,
    disks,
    kills,
    lists,
    membership,
    network,
    offsets,
    partitions,
    producers,
    quotas,
    reconfigured,
    releases,
    rights,
    soak,
    weekly,
)
from tests.chaos.checker import Checker
from tests.chaos.oracle import Oracle, UndividedOracle
from tests.chaos.stage import PATIENCE_S, Stage
from tests.chaos.traffic import Spice

Play = Callable[[Stage, int], Awaitable[None]]


@dataclass(frozen=True)
class Experiment:
    """One row. `share` of the rounds asked for are played, at least one."""

    name: str
    fault: str
    play: Play
    share: float = 0.5
    spice: Spice = field(default_factory=Spice)
    settings: Mapping[str, Any] = field(default_factory=dict)
    brokers: str = "one"
    """`one`, `proxied`, `guarded` or `three`."""
    patience_s: float = PATIENCE_S
    weekly_known: bool = True
    oracle: type[Oracle] = Oracle

    def rounds(self, asked: int) -> int:
        """Return how many rounds to play."""
        return max(1, round(self.share * asked))

    @property
    def checker(self) -> Checker:
        """Return the checker."""
        return Checker(bool(self.settings.get("exactly_once_outputs")), self.weekly_known)


REPEATED = Spice(repeated=0.05, conflicting=0.02)
DISORDERED = Spice(disordered_s=120, late=0.02, simultaneous=0.3)
STRAY = Spice(unkeyed=0.1)
UNTIMED = Spice(repeated=0, unkeyed=0.05, untimed=0.5, speed=1, churn=0.05)
POISONED = Spice(poisoned=0.02, burst=1000)
EVERYTHING = Spice(
    repeated=0.05, conflicting=0.02, late=0.02, disordered_s=60, simultaneous=0.3, poisoned=0.01, burst=300
)

SHORT = Experiment("9-11 all", "all of the above at once", producers.wrong_input, 0.2, EVERYTHING)
SOAK = Spice(speed=720, churn=0.02)
NEVER_LATE = {"lateness_horizon_s": 86_400}
DEFAULTS = {"session_timeout_s": Settings.model_fields["session_timeout_s"].default}
"""For the time that passes from a kill to the first decision of another worker."""
ONCE = {"exactly_once_outputs": True}
GROWN = Experiment(
    "20 partitions", "partitions added", partitions.added, 0.1, settings=NEVER_LATE, oracle=UndividedOracle
)
EXPERIMENTS = (
    Experiment("1 kill", "kill -9 at random times", kills.at_random, 1.5),
    Experiment("1 once", "the same, exactly-once outputs", kills.at_random, 0.5, settings=ONCE),
    Experiment("2 gaps", "kill -9 between any two steps", kills.in_every_gap, 0.1),
    Experiment("2 quiet", "kill -9 over the last payments", kills.with_the_last_payment, 0.1),
    Experiment("3 empty disk", "kill -9, back without a disk", kills.on_an_empty_disk, 0.6),
    Experiment(
        "4 rebalance",
        "2, 3, 1, 2 workers, as set by default",
        membership.join_and_leave,
        0.3,
        settings=DEFAULTS,
    ),
    Experiment("5 zombie", "paused past its session, then resumed", membership.zombie, 0.3),
    Experiment("5 once", "the same, exactly-once outputs", membership.zombie, 0.2, settings=ONCE),
    Experiment(
        "6 brokers",
        "broker kill -9, rolling restart, outage",
        brokers.killed_and_rolled,
        0.2,
        brokers="three",
    ),
    Experiment("7 frozen", "a broker frozen for 10 s", brokers.frozen, 0.3, brokers="three"),
    Experiment(
        "8 network", "delay, silence, half-open, reset, refusal", network.failing, 0.1, brokers="proxied"
    ),
    Experiment("9 repeated", "same id again, also with other content", producers.wrong_input, 0.3, REPEATED),
    Experiment("10 disorder", "late, shuffled, equal stamps", producers.wrong_input, 0.3, DISORDERED),
    Experiment(
        "10 strays",
        "no keys, any partition",
        producers.wrong_input,
        0.2,
        STRAY,
        NEVER_LATE,
    ),
    Experiment("11 poison", "rubbish, alone and by the thousand", producers.wrong_input, 0.3, POISONED),
    SHORT,
    Experiment(
        "12 weekly",
        "the weekly store slow, refusing, flapping, garbled",
        weekly.failing,
        0.1,
        settings={"lookup_timeout_ms": weekly.DEADLINE_MS},
        weekly_known=False,
    ),
    Experiment("13 full disk", "no space for worker, then broker", disks.full, 0.1),
    Experiment("14 bad disk", "RocksDB flipped, cut, lost", disks.damaged, 0.9),
    Experiment("15 deleted", "changelog deleted", changelog.of(changelog.deleted, empty_disk=False), 0.1),
    Experiment("15 emptied", "changelog emptied", changelog.of(changelog.emptied, empty_disk=False), 0.1),
    Experiment(
        "15 both", "changelog emptied, disk lost", changelog.of(changelog.emptied, empty_disk=True), 0.1
    ),
    Experiment("15 cut", "changelog cut, disk lost", changelog.of(changelog.truncated, empty_disk=True), 0.1),
    Experiment(
        "15 shape",
        "changelog of 3 partitions",
        changelog.of(changelog.other_partitions, empty_disk=False),
        0.1,
    ),
    Experiment("16 soak", "a day of churning cards", soak.day, 1.0, SOAK),
    Experiment("17 error", "an exception in a micro-batch", kills.by_an_error, 0.1),
    Experiment("18 offsets", "offsets beyond the log's end", offsets.beyond_the_end, 0.2),
    Experiment("19 limits", "max.message.bytes lowered over a backlog", reconfigured.limits_lowered, 0.4),
    Experiment(
        "19 times", "LogAppendTime for sources", reconfigured.times_rewritten, 0.2, UNTIMED, NEVER_LATE
    ),
    Experiment("19 policies", "outputs compacted", reconfigured.policies_changed, 0.1, POISONED),
    GROWN,
    Experiment("21 rights", "rights withdrawn and given back", rights.withdrawn, 0.1, brokers="guarded"),
    Experiment(
        "21 once", "the same, exactly-once outputs", rights.withdrawn, 0.1, settings=ONCE, brokers="guarded"
    ),
    Experiment("22 clock", "the worker's clock steps", clocks.stepped, 0.5),
    Experiment("23 quota", "a quota on the worker's bytes", quotas.held_back, 0.2),
    Experiment("24 codecs", "producers of every codec", producers.every_codec, 0.5),
    Experiment("25 releases", "kill -9 around a release switch", releases.switched, 1.0, REPEATED),
    Experiment("25 topic", "control topic lost", releases.control_topic_lost, 0.3, REPEATED),
    Experiment("26 lists", "kill -9 while lists change", lists.changed, 1.0, REPEATED),
)

MUTANTS: dict[str, Experiment] = {
    "id check off": Experiment("1 kill", "", kills.at_random, 0.2),
    "changelog not awaited": Experiment("3 empty disk", "", kills.on_an_empty_disk, 0.2),
    "offset written apart": Experiment("2 quiet", "", kills.with_the_last_payment, 0.1),
    "no hard exit": Experiment("17 error", "", kills.by_an_error, 0.1),
    "any log believed": Experiment("18 offsets", "", offsets.beyond_the_end, 0.1),
    "refused batch left out": Experiment("19 limits", "", reconfigured.limits_lowered, 0.2),
    "time not sent on": Experiment("19 times", "", reconfigured.times_rewritten, 0.1, UNTIMED, NEVER_LATE),
    "others' payments left out": GROWN,
    "compressed batch cut short": Experiment("24 codecs", "", producers.every_codec, 0.2),
    "lists of now": Experiment("26 lists", "", lists.changed, 0.2, REPEATED),
    "clock of the worker": Experiment("22 clock", "", clocks.stepped, 0.1),
}
"""Mutation -> the experiment it must turn red."""
