"""Playing experiments: faults first, then none; then the log is judged."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fraudstream.adapters.kafka.admin import ensure_topics
from tests.chaos.checker import Findings, check_table, kept_entries
from tests.chaos.experiments import Experiment
from tests.chaos.scenes import Scene
from tests.chaos.stage import PATIENCE_S, Stage, Stuck

MUTANT_PATIENCE_S = 20.0
"""Shorter than usual: a mutant that is stuck counts as red."""

Say = Callable[[str], None]


@dataclass
class Outcome:
    """The result of an experiment."""

    rounds: int
    kills: int = 0
    recovery_s: float = 0.0
    settled_s: float = 0.0
    took_s: float = 0.0
    stuck: str | None = None
    findings: Findings = field(default_factory=Findings)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def red(self) -> bool:
        """Tell whether anything is wrong."""
        return self.stuck is not None or not self.findings.exact

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        figures = asdict(self)
        findings: dict[str, Any] = figures.pop("findings")
        return figures | findings | {"red": self.red}


async def play(
    experiment: Experiment, stage: Stage, rounds: int, say: Say, patience_s: float = PATIENCE_S
) -> Outcome:
    """Play one experiment on a stage."""
    outcome = Outcome(rounds, facts=stage.facts)
    started = time.monotonic()
    await ensure_topics(stage.administrator)
    stage.pump.start()
    try:
        say(experiment.fault)
        try:
            await experiment.play(stage, rounds)
            await stage.pump.stop()
            say("no more faults: waiting for lag 0")
            outcome.settled_s = await stage.settled(patience_s)
        except Stuck as stuck:
            outcome.stuck = str(stuck)
        await stage.pump.stop()
        say("judging")
        await _judge(experiment, stage, outcome)
    finally:
        await stage.end()
    outcome.kills, outcome.took_s = stage.kills, time.monotonic() - started
    return outcome


async def _judge(experiment: Experiment, stage: Stage, outcome: Outcome) -> None:
    """Compare topics and tables with the truth of the log."""
    settings, logs = stage.settings, stage.logs
    oracle = experiment.oracle(
        settings.partitions,
        settings.card_token_key(),
        settings.lateness_horizon_s * 1000,
        settings.future_tolerance_s * 1000,
    )
    truth = oracle.judge(await logs.read("transactions"), await logs.read("transactions-by-card"))
    decisions = await logs.read("decisions")
    alerts, letters = await logs.read("fraud-alerts"), await logs.read("dead-letters")
    outcome.findings = await asyncio.to_thread(experiment.checker.judge, truth, decisions, alerts, letters)
    outcome.recovery_s = stage.recovery_s(decisions)
    await asyncio.to_thread(stage.stop)
    if outcome.stuck is not None:
        return

    def check(directory: Path, what: str) -> None:
        check_table(
            outcome.findings, truth, kept_entries(directory), settings.lateness_horizon_s * 1000, what
        )

    try:
        (first, *others) = stage.workers
        kept = await stage.rebuilt("kept", keep=first) if others else first.state_dir
        check(kept, "kept table")
        check(await stage.rebuilt("empty"), "rebuilt table")
    except Stuck as stuck:
        outcome.stuck = str(stuck)


def stage_for(
    experiment: Experiment, scene: Scene, root: Path, seed: int, mutation: str | None = None
) -> Stage:
    """Set the stage of an experiment."""
    chance = random.Random(f"{seed}-{experiment.name}-{mutation}")
    return Stage.of(scene, root, chance, experiment.spice, mutation, **experiment.settings)
