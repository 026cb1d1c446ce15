"""A worker that cannot start says in one sentence what to run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from fraudstream.settings import Settings
from tests.commands.running import environment, fraudstream
from tests.end_to_end.harness import Worker, decisions_of, produce
from tests.shared import PATIENCE_S

WORKER = ("-m", "fraudstream", "worker")


def test_without_a_model_it_says_train_one(kafka_settings: Settings) -> None:
    """Before it joins a group and takes partitions from workers that can decide."""
    done = fraudstream(kafka_settings, "worker")

    assert 2 == done.returncode
    assert "train one with: fraudstream train" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_first_line_comes_before_the_libraries(tmp_path: Path) -> None:
    """They take seconds on a busy machine, and silence looks like a command that hangs."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fraudstream", "worker"],
        env=environment(Settings(_env_file=None, data_dir=tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    before, said, after = done.stderr.partition("starts a worker")
    late = {"faust", "polars", "pydantic", "xgboost"}

    assert said
    assert set() == late & imported(before)
    assert late <= imported(after)


def imported(times: str) -> set[str]:
    """Return the modules in Python's own report of its imports."""
    return set(re.findall(r"^import time:.*\| +(\S+)$", times, re.MULTILINE))


def test_without_a_broker_it_says_start_one(small_world: Path, tmp_path: Path) -> None:
    """At once, since a wrong address must not look like a slow start; the code says that a later start may find one."""
    settings = Settings(
        _env_file=None,
        broker="127.0.0.1:9",
        data_dir=small_world,
        state_dir=tmp_path / "state",
        web_port=0,
    )
    done = fraudstream(settings, "worker", timeout_s=PATIENCE_S)

    assert 75 == done.returncode
    assert "start one with: fraudstream broker up" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_store_of_the_weeks_it_says_make_one(small_world: Path, tmp_path: Path) -> None:
    """Waiting does not create a store that is missing."""
    settings = Settings(
        _env_file=None, data_dir=small_world, state_dir=tmp_path / "state", weekly_store="disk", web_port=0
    )
    done = fraudstream(settings, "worker", timeout_s=PATIENCE_S)

    assert 2 == done.returncode
    assert "create it with: fraudstream store create" in done.stderr
    assert "Traceback" not in done.stderr


async def test_without_weekly_aggregates_it_decides_and_says_what_is_missing(
    kafka_settings: Settings, small_world: Path
) -> None:
    """The store is down: the decision is marked, the log names the command."""
    shutil.copytree(small_world / "models", kafka_settings.models_place)
    with Worker(kafka_settings, WORKER) as worker:
        await produce(kafka_settings, [(None, b'{"cc_num":4000000000000002,"amount":1.0,"tid":"a"}')])
        (decision,) = await decisions_of(kafka_settings, {"a"})
        log = worker.log

    assert ["weekly-missing"] == decision["degraded"]
    assert "compute them with: fraudstream aggregate" in log


def test_fausts_own_commands_list_the_agent_and_its_topics(small_world: Path, tmp_path: Path) -> None:
    """`faust -A fraudstream.worker agents`; the agent reads two."""
    settings = Settings(_env_file=None, data_dir=small_world, state_dir=tmp_path / "state", web_port=0)
    listed = subprocess.run(
        [sys.executable, "-m", "faust", "-A", "fraudstream.worker", "agents"],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == listed.returncode, listed.stderr
    assert "@scoring" in listed.stdout
    assert "transactions,transactions-by-card" in "".join(listed.stdout.split())


def test_commands_that_load_models_start_without_importing_scikit_learn() -> None:
    """It takes a second, and only training needs it; those that only read files do not even import XGBoost."""
    program = (
        "import sys; from fraudstream.cli import main\n"
        "try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "import {module}; print(*({{'xgboost', 'sklearn'}} & set(sys.modules)))"
    )

    def imported(arguments: list[str], module: str) -> str:
        command = [sys.executable, "-c", program.format(arguments=arguments, module=module)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.splitlines()[-1]

    assert "xgboost" == imported(["backtest", "--help"], "fraudstream.backtest.candidate")
    assert "" == imported(["rules", "list", "--help"], "fraudstream.commands.rule_trials")


def test_a_worker_starts_without_importing_scikit_learn_and_others_still_can() -> None:
    """XGBoost would import it for estimators that no worker uses."""
    program = (
        "import sys; from fraudstream.process.tuning import import_xgboost_alone; import_xgboost_alone(); "
        "import fraudstream.app; print('sklearn' in sys.modules); import sklearn"
    )

    assert (
        "False\n"
        == subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
    )
