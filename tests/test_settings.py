"""A misspelt setting, command or value is refused with the nearest right one; nothing is silently left at its default."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.settings.variables import CACHE_VARIABLE, REPOSITORY_VARIABLE, refuse_unknown
from tests.models import load_model, saved


def run(
    tmp_path: Path, *words: str, module: str = "fraudstream", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in an empty directory with these variables set."""
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        env={name: value for name, value in os.environ.items() if not name.startswith("FRAUDSTREAM_")}
        | variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("FRAUDSTREAM_FRAUD_TRESHOLD", "FRAUDSTREAM_FRAUD_THRESHOLD"),
        ("FRAUDSTREAM_BROKR", "FRAUDSTREAM_BROKER"),
        ("FRAUDSTREAM_CACHEDIR", "FRAUDSTREAM_CACHE_DIR"),
        ("fraudstream_web_prot", "FRAUDSTREAM_WEB_PORT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_right_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str, right: str
) -> None:
    """In the environment and in `.env` alike."""
    there = tmp_path / ".env"
    there.write_text(f"OTHER=1\n{wrong}=0.5\n")
    with pytest.raises(SetupError, match=rf"{wrong.upper()} \(in \.env\); did you mean {right}\?"):
        Settings(_env_file=there)
    monkeypatch.setenv(wrong, "0.5")
    with pytest.raises(SetupError, match=rf"\(in the environment\); did you mean {right}\?"):
        Settings(_env_file=None)


def test_variables_that_are_not_settings_are_let_through() -> None:
    """The embedded broker's two, and what Kubernetes sets for a Service whose name begins with ours."""
    given = [
        CACHE_VARIABLE,
        REPOSITORY_VARIABLE,
        "HOME",
        "FRAUDSTREAM_SERVICE_HOST",
        "FRAUDSTREAM_PORT",
        "FRAUDSTREAM_PORT_6066_TCP",
        "FRAUDSTREAM_WORKER_SERVICE_PORT_HTTP",
        "FRAUDSTREAM_WORKER_PORT_6066_TCP_ADDR",
    ]
    refuse_unknown(given, Settings.model_fields, "in the environment")
    with pytest.raises(SetupError, match="FRAUDSTREAM_SOMETHING"):
        refuse_unknown([*given, "FRAUDSTREAM_SOMETHING"], Settings.model_fields, "in the environment")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FRAUD_THRESHOLD", "1.7", "must be a number between 0 and 1, not 1.7"),
        ("PARTITIONS", "many", "must be a whole number between 1 and 1024, not many"),
        ("BATCH_ROWS_MAX", "0", "must be a whole number, at least 1, not 0"),
        ("COMMIT_INTERVAL_S", "0", "must be a number above 0, not 0"),
        ("WEB", "perhaps", "must be true or false, not perhaps"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SLL", "not SASL_SLL; did you mean SASL_SSL?"),
        ("WEEKLY_STORE", "snapshto", "not snapshto; did you mean snapshot?"),
        ("APP_ID", "a/b", "must be written like fraudstream, not a/b"),
        ("EVENT_TYPE", "", "must be written like card, ./payout.toml, not empty"),
    ],
)
def test_a_wrong_value_is_one_plain_sentence(
    tmp_path: Path, variable: str, value: str, sentence: str
) -> None:
    """The variable, what it must be, what it is; exit code 2."""
    done = run(tmp_path, "tokens", "list", **{f"FRAUDSTREAM_{variable}": value})

    assert 2 == done.returncode
    assert 1 == len(done.stderr.splitlines())
    assert done.stderr.startswith(f"Error: FRAUDSTREAM_{variable} must be ")
    assert done.stderr.strip().endswith(sentence)


def test_a_wrong_value_that_may_hold_a_password_is_not_repeated(tmp_path: Path) -> None:
    """A store's address with a login in it is refused, and stays out of the log."""
    done = run(tmp_path, "tokens", "list", FRAUDSTREAM_WEEKLY_STORE="redis://worker:secret@host/0")

    assert 2 == done.returncode
    assert "secret" not in done.stderr


def test_faust_s_own_command_says_the_same(tmp_path: Path) -> None:
    """`faust -A fraudstream.worker worker` reads the same settings: a sentence, not a traceback."""
    done = run(
        tmp_path, "-A", "fraudstream.worker", "worker", module="faust", FRAUDSTREAM_FRAUD_TRESHOLD="0.5"
    )

    assert 2 == done.returncode
    assert "Traceback" not in done.stderr
    assert "did you mean FRAUDSTREAM_FRAUD_THRESHOLD?" in done.stderr


@pytest.mark.parametrize(
    ("words", "right"),
    [
        (["wroker"], "worker"),
        (["broker", "upp"], "up"),
        (["topics", "xyz"], ""),
        (["state", "verfy"], "verify"),
    ],
)
def test_a_misspelt_command_is_refused_with_the_right_one(
    tmp_path: Path, words: list[str], right: str
) -> None:
    """In every group; what is near nothing gets no suggestion."""
    done = run(tmp_path, *words)

    assert 2 == done.returncode
    assert "No such command" in done.stderr
    assert done.stderr.strip().endswith(f"did you mean {right}?" if right else "'xyz'.")


def test_a_misspelt_option_is_refused_with_the_right_one(tmp_path: Path) -> None:
    """Click's own suggestion."""
    assert "--rate" in run(tmp_path, "produce", "simulate", "--rat", "8").stderr


def test_a_misspelt_event_type_or_model_is_refused_with_the_right_one(tmp_path: Path) -> None:
    """Names that are looked up when they are used."""
    saved(tmp_path, b"a model")
    with pytest.raises(SetupError, match=r"the package has: card, .*; did you mean card"):
        event_type_named("crad")
    with pytest.raises(SetupError, match=r"no model 1\.1 of event type card in .*; did you mean 1\.0"):
        load_model(tmp_path, "1.1")


def test_every_setting_with_a_pattern_has_examples_of_it() -> None:
    """They are what the sentence about a wrong value shows."""
    silent = [
        name
        for name, field in Settings.model_fields.items()
        if any(getattr(each, "pattern", None) for each in field.metadata) and not field.examples
    ]

    assert [] == silent
