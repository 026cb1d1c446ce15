"""What our commands set before libraries start threads."""

import os
import subprocess
import sys

import pytest

VERSION = (
    "import os, sys; from fraudstream.cli import main\n"
    "try: main(['--version'])\n"
    "finally: print(os.environ['OMP_WAIT_POLICY'], 'xgboost' in sys.modules)"
)


@pytest.mark.parametrize(("given", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_of_openmp_sleep_while_they_wait_unless_a_user_says_otherwise(
    given: dict[str, str], policy: str
) -> None:
    """Set before XGBoost is loaded, since OpenMP looks once; threads that spin take the processor from those they wait for."""
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    said = subprocess.run(
        [sys.executable, "-c", VERSION], env=others | given, capture_output=True, text=True, check=True
    ).stdout

    assert f"{policy} False" == said.splitlines()[-1]


COLLECTING = (
    "import gc; from fraudstream.process import tuning\n"
    "def say(): print(gc.isenabled(), gc.get_freeze_count() > 0, gc.get_threshold()[0] == tuning.GC_THRESHOLD)\n"
    "tuning.put_off_garbage_collection(); say(); tuning.calm_garbage_collection(); say()"
)


def test_garbage_is_not_collected_while_a_worker_starts_and_seldom_afterwards() -> None:
    """What was made at the start is left out for good."""
    said = subprocess.run(
        [sys.executable, "-c", COLLECTING], capture_output=True, text=True, check=True
    ).stdout

    assert ["False False False", "True True True"] == said.splitlines()
