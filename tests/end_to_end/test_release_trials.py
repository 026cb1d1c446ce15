"""Challengers and canaries of a real worker: differences are published, and a canary that goes wrong is stopped by itself."""

import asyncio
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fraudstream.adapters.releases.drafting import draft
from fraudstream.adapters.releases.store import Releases
from fraudstream.commands.releases import releases
from fraudstream.domain.releases.release_log import State
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.settings import Settings
from tests.commands.running import environment
from tests.end_to_end.harness import Worker, decisions_of, produce, read_all
from tests.end_to_end.test_releases import NOON_S, applied
from tests.releases import CARD, registry_in
from tests.shared import PATIENCE_S

Run = Callable[..., tuple[int, dict[str, Any]]]

NOTHING = Ruleset(())
EVERYTHING = Ruleset((Rule("everything", "amount > 0", "block"),))


@pytest.fixture
def run(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `fraudstream releases`; release 1 approves all, 2 blocks all."""
    for name, value in environment(kafka_settings).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        done = CliRunner().invoke(releases, [*words, "--json"], catch_exceptions=False)
        return done.exit_code, json.loads(done.stdout)

    registry = registry_in(Path(kafka_settings.models_place), 1)
    for number, rules in enumerate((NOTHING, EVERYTHING), 1):
        draft(Releases.of(kafka_settings), registry, CARD, ruleset=rules)
        run("check", str(number))
    return run


async def pay(settings: Settings, name: str, cards: int) -> list[dict[str, Any]]:
    """Let cards pay once each and return the decisions."""
    paid = [
        {"cc_num": 4006080197000000 + number, "amount": 10.0, "trans_ts": NOON_S, "tid": f"{name}-{number}"}
        for number in range(cards)
    ]
    await produce(settings, [(str(each["cc_num"]).encode(), json.dumps(each).encode()) for each in paid])
    decided = await decisions_of(settings, {str(each["tid"]) for each in paid})
    return [each for each in decided if each["transaction_id"].startswith(f"{name}-")]


async def differences(settings: Settings, expected: int) -> list[dict[str, Any]]:
    """Wait until so many differences are published."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = [
                json.loads(record.value or b"") for record in await read_all(settings, "shadow-decisions")
            ]
            if len(found) >= expected:
                return found
            await asyncio.sleep(0.2)


def test_a_challenger_publishes_what_it_would_decide_otherwise(kafka_settings: Settings, run: Run) -> None:
    """One micro-batch of it; the champion's decisions are what they were."""
    settings = kafka_settings.model_copy(update={"shadow_time_share": 1.0})
    with Worker(settings):
        asyncio.run(applied(settings, run("activate", "1")[1]["revision"]))
        asyncio.run(applied(settings, run("shadow", "2")[1]["revision"]))
        decided = asyncio.run(pay(settings, "p", 1))
        found = asyncio.run(differences(settings, 1))

    assert [("card-1", "approve")] == [(each["release"], each["outcome"]) for each in decided]
    assert [("p-0", "card-1", "card-2", "approve", "block", ["everything"])] == [
        (
            each["transaction_id"],
            each["release"],
            each["challenger"],
            each["outcome"],
            each["challenger_outcome"],
            each["challenger_rules"],
        )
        for each in found
    ]


def test_a_canary_that_blocks_everything_is_stopped_by_its_guardrail(
    kafka_settings: Settings, run: Run
) -> None:
    """It has its share of the cards, the same ones when it grows; then the champion decides all again."""
    settings, ended = kafka_settings, list[tuple[int, dict[str, Any]]]()
    with Worker(settings):
        asyncio.run(applied(settings, run("activate", "1")[1]["revision"]))
        asyncio.run(applied(settings, run("canary", "2", "--share", "0.3")[1]["revision"]))
        small = asyncio.run(pay(settings, "small", 300))
        asyncio.run(applied(settings, run("canary", "2", "--share", "0.5")[1]["revision"]))
        guard = threading.Thread(
            target=lambda: ended.append(run("guard", "--entities-min", "50", "--for", "120"))
        )
        guard.start()
        grown = list[dict[str, Any]]()
        while guard.is_alive():
            grown += asyncio.run(pay(settings, f"grown{len(grown)}", 300))
        guard.join()
        log = Releases.of(settings).log()
        asyncio.run(applied(settings, log.revision))
        after = asyncio.run(pay(settings, "after", 50))

    def of_canary(decisions: list[dict[str, Any]]) -> set[str]:
        return {each["card"] for each in decisions if each.get("canary")}

    ((code, said),) = ended
    assert (1, 2, True) == (code, said["canary"], said["stopped"])
    assert said["why"][0].startswith("alert rate: it alerts")
    assert State.CHECKED is log.states[2]
    assert 60 < len(of_canary(small)) < 120
    assert of_canary(small) < of_canary(grown)
    assert {"block"} == {each["outcome"] for each in grown if each.get("canary")}
    assert {"card-1"} == {each["release"] for each in after}
