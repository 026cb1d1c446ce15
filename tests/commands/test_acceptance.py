"""`fraudstream acceptance`: the sample's story on a real worker, and a thousand of them offline."""

import json
from pathlib import Path

from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker

WORKER = ("-m", "fraudstream", "worker")


def test_a_worker_tells_fraud_from_honest_payments_with_and_without_keys(world_settings: Settings) -> None:
    """The same story on eight cards at once: unkeyed as the AWS sample sends it, and keyed."""
    with Worker(world_settings, WORKER) as worker:
        done = fraudstream(world_settings, "acceptance", "--json", "--timeout", "120")
        log = worker.log
    facts = json.loads(done.stdout)

    assert 0 == done.returncode, f"{done.stdout}\n{done.stderr}\n{log}"
    assert facts["passed"]
    assert [False, True] == [run["keyed"] for run in facts["runs"]]
    for run in facts["runs"]:
        decisions = [payment["decision"] for payment in run["payments"]]
        assert [1, 1, 1, *range(1, 11)] == [one["features"]["num_trans_last_10m"] for one in decisions]
        assert [[]] * 13 == [one["degraded"] for one in decisions]
        assert all(one["reasons"] for one in decisions if one["fraud"])
        amounts = [payment["amount"] for payment in run["payments"]]
        assert all(100 <= amount <= 5000 for amount in amounts[:3])
        assert all(1 <= amount <= 50 for amount in amounts[3:])


def test_without_a_worker_it_says_what_to_run(world_settings: Settings) -> None:
    """It does not wait for thirteen decisions that cannot come."""
    done = fraudstream(world_settings, "acceptance", "--timeout", "2")

    assert 2 == done.returncode
    assert "start one with: fraudstream worker" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_history_the_cards_are_made_up_and_it_says_so(kafka_settings: Settings) -> None:
    """A worker somewhere else can still be asked; its cards just have no week."""
    done = fraudstream(kafka_settings, "acceptance", "--timeout", "1")

    assert 2 == done.returncode
    assert "made-up cards without a week" in done.stderr


def test_too_few_cards_in_a_file_is_one_sentence(kafka_settings: Settings, tmp_path: Path) -> None:
    """The story needs four cards a run."""
    cards = tmp_path / "cards.csv"
    cards.write_text("cc_num\n4000000000000002\n4000000000000002\n4000000000000010\n")
    done = fraudstream(kafka_settings, "acceptance", "--cards-file", cards)

    assert 2 == done.returncode
    assert "needs 8 cards, but there are only 2" in done.stderr


def test_a_thousand_stories_offline_say_how_often_each_position_is_flagged(small_world: Path) -> None:
    """On half a million payments, a tenth of the full size, the model is nearly as good: most stories pass."""
    settings = Settings(_env_file=None, data_dir=small_world)
    done = fraudstream(settings, "acceptance", "--stories", "1000", "--json")
    (told,) = json.loads(done.stdout)
    by_position = told["flagged_by_position"]

    assert 0 == done.returncode, done.stderr
    assert ("card", 1000, 10) == (told["features"], told["stories"], len(by_position))
    assert 0.85 <= told["pass_rate"]
    assert 0.01 >= max(told["singles_flagged"], by_position[0])
    assert 0.95 <= min(by_position[2:])


def test_stories_without_a_model_say_what_to_run(tmp_path: Path) -> None:
    """One sentence, exit code 2."""
    done = fraudstream(Settings(_env_file=None, data_dir=tmp_path), "acceptance", "--stories", "10")

    assert 2 == done.returncode
    assert "compute them with: fraudstream aggregate" in done.stderr
