"""The short form of `make chaos`: one experiment with everything in it, and one mutant that must not pass."""

from pathlib import Path

import pytest

from tests.chaos.experiments import MUTANTS, SHORT, Experiment
from tests.chaos.runner import MUTANT_PATIENCE_S, Outcome, play, stage_for
from tests.chaos.scenes import Scene
from tests.shared import Broker

SEED = 1


async def played(experiment: Experiment, broker: Broker, root: Path, mutation: str | None = None) -> Outcome:
    """Play two rounds."""
    stage = stage_for(experiment, Scene(broker.bootstrap), root, SEED, mutation)
    return await play(experiment, stage, 2, print, MUTANT_PATIENCE_S)


@pytest.mark.timeout(180)
async def test_kills_and_wrong_input_of_every_kind_lose_and_double_nothing(
    broker: Broker, tmp_path: Path
) -> None:
    """Killed twice, once with its disk, among repeated, contradicting, late, shuffled and poisoned records."""
    outcome = await played(SHORT, broker, tmp_path)

    assert outcome.stuck is None
    assert [] == outcome.findings.notes
    assert outcome.findings.exact
    assert outcome.kills == 2


@pytest.mark.timeout(180)
async def test_a_worker_that_does_not_recognise_repeated_payments_is_found_out(
    broker: Broker, tmp_path: Path
) -> None:
    """The experiments prove something only if they fail for a worker with a defect."""
    outcome = await played(MUTANTS["id check off"], broker, tmp_path, "id check off")

    assert outcome.findings.double > 0
