"""All experiments one after the other, their table, and whether the whole is good."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.experiments import EXPERIMENTS, MUTANTS, Experiment
from tests.chaos.runner import MUTANT_PATIENCE_S, Outcome, Say, play, stage_for
from tests.chaos.scenes import Scene, scene

WIDTH = 132


class Suite:
    """Runs what was asked for and remembers how it went."""

    def __init__(self, root: Path, seed: int, rounds: int, only: Sequence[str] = ()) -> None:
        self._root = root
        self._seed = seed
        self._rounds = rounds
        self._only = only
        self._console = Console(stderr=True, width=WIDTH)
        self._started = time.monotonic()
        self.outcomes: dict[str, Outcome] = {}
        self.mutants: dict[str, Outcome] = {}

    async def run(self) -> None:
        """Play everything, on one set of brokers after the other."""
        wanted = [experiment for experiment in EXPERIMENTS if self._wanted(experiment.name)]
        for kind in dict.fromkeys(experiment.brokers for experiment in wanted):
            async with scene(kind, self._root) as brokers:
                for experiment in wanted:
                    if experiment.brokers == kind:
                        rounds = experiment.rounds(self._rounds)
                        self.outcomes[experiment.name] = await self._play(experiment, brokers, rounds)
        mutants = {name: experiment for name, experiment in MUTANTS.items() if self._wanted(name)}
        if mutants:
            async with scene("one", self._root / "mutants") as brokers:
                for name, experiment in mutants.items():
                    self.mutants[name] = await self._play(experiment, brokers, experiment.rounds(10), name)

    async def _play(
        self, experiment: Experiment, brokers: Scene, rounds: int, mutation: str | None = None
    ) -> Outcome:
        """Play one experiment and tell how it went."""
        say = self._saying(mutation or experiment.name)
        stage = stage_for(experiment, brokers, self._root, self._seed, mutation)
        outcome = await play(
            experiment, stage, rounds, say, MUTANT_PATIENCE_S if mutation else experiment.patience_s
        )
        findings = outcome.findings
        say(
            f"{findings.payments} payments, {outcome.kills} kills, lost {findings.lost}, double {findings.double}, "
            f"unequal {findings.unequal}, recovery {outcome.recovery_s:.1f} s, took {outcome.took_s:.0f} s"
            + (f", {outcome.facts}" if outcome.facts else "")
            + (f"; STUCK: {outcome.stuck}" if outcome.stuck else "")
        )
        for note in findings.notes:
            self._console.print(f"          {note}", highlight=False, markup=False)
        return outcome

    @property
    def good(self) -> bool:
        """Tell whether every experiment is exact and every mutation was noticed."""
        return not any(outcome.red for outcome in self.outcomes.values()) and all(
            outcome.red for outcome in self.mutants.values()
        )

    def show(self, *, as_json: bool) -> None:
        """Print the table, and JSON as the last line if asked."""
        Console(width=WIDTH).print(self._table())
        if as_json:
            sys.stdout.write(json.dumps(self.result()) + "\n")

    def result(self) -> dict[str, object]:
        """Return all figures."""
        of = self.outcomes.values()
        return {
            "seed": self._seed,
            "kills": sum(outcome.kills for outcome in of),
            "payments": sum(outcome.findings.payments for outcome in of),
            "lost": sum(outcome.findings.lost for outcome in of),
            "double": sum(outcome.findings.double for outcome in of),
            "unequal": sum(outcome.findings.unequal for outcome in of),
            "took_s": round(time.monotonic() - self._started, 1),
            "experiments": {name: outcome.as_dict() for name, outcome in self.outcomes.items()},
            "mutations": {name: outcome.red for name, outcome in self.mutants.items()},
        }

    def _wanted(self, name: str) -> bool:
        return not self._only or any(part in name for part in self._only)

    def _saying(self, name: str) -> Say:
        def say(what: str) -> None:
            self._console.print(f"{time.monotonic() - self._started:6.0f} s  {name}: {what}", highlight=False)

        return say

    def _table(self) -> Table:
        table = Table(title=f"chaos, seed {self._seed}")
        for column in ("experiment", "what goes wrong"):
            table.add_column(column)
        for column in ("rounds", "payments", "kills", "lost", "double", "unequal", "recovery s"):
            table.add_column(column, justify="right")
        faults = {experiment.name: experiment.fault for experiment in EXPERIMENTS}
        for name, outcome in self.outcomes.items():
            table.add_row(name, faults[name], *_cells(outcome))
        table.add_section()
        for name, outcome in self.mutants.items():
            table.add_row(name, f"mutation: {'red' if outcome.red else 'STAYS GREEN'}", *_cells(outcome))
        return table


def _cells(outcome: Outcome) -> list[str]:
    findings = outcome.findings
    found = [str(findings.lost), str(findings.double), str(findings.unequal)]
    stuck = f"{outcome.recovery_s:.1f}" if outcome.stuck is None else "stuck"
    return [str(outcome.rounds), f"{findings.payments:,}", str(outcome.kills), *found, stuck]
