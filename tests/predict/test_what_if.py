"""A what-if question is judged by the arithmetic of a worker, with the features that are told, and counts nothing."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.model import Model
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import NoWeeks
from fraudstream.parity.payments import made_up
from fraudstream.predict.detectors import Chosen
from fraudstream.predict.what_if import WINDOWS_NOT_ASKED, WhatIf
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import Encoder
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS, MemoryWorker
from tests.api.events import event
from tests.commands.running import fraudstream
from tests.models import load_model, saved
from tests.notebook.test_open import trees
from tests.parity.test_event_types import CASES, EARLIER_MS, decisions_of, weeks
from tests.releases import CARD, drafted_in

ROWS = 60
JUDGED = ("probability", "score", "outcome", "fraud", "rules", "reasons", "model_version", "ruleset_version")


def asking(event_type: EventType, weekly: Any = None) -> WhatIf:
    """Return what judges events of a type."""
    parser = Parser(
        event_type, entity_index(event_type, Tokenizer(bytes(32)), PARTITIONS), ALLOWED_LATENESS_MS
    )
    return WhatIf(parser, event_type, ALLOWED_LATENESS_MS, weekly or NoWeeks())


@pytest.mark.parametrize(("event_type", "model"), CASES)
async def test_a_decision_is_made_again_of_its_features(
    event_type: EventType, model: Model, tmp_path: Path
) -> None:
    """Whoever tells all features of a published decision gets that decision, bit by bit."""
    stream = made_up(ROWS, 3, event_type).with_columns(pl.col("event_time") - EARLIER_MS)
    store = weeks(tmp_path, stream, event_type) if event_type.entity else NoWeeks()
    worker = MemoryWorker(tmp_path / "worker", store, event_type, model)
    sent = Encoder(event_type, PARTITIONS).encode(stream, None)
    published = [each for of_partition in await decisions_of(worker, sent) for each in of_partition]
    times = Counter(each["transaction_id"] for each in published)
    decisions = {each["transaction_id"]: each for each in published if times[each["transaction_id"]] == 1}
    what_if, by = asking(event_type), Chosen(Detector.of(model, event_type), "card-7")
    own = {"amount", *event_type.columns}
    compared = 0
    for message in sent.messages:
        known = await what_if.known(message.value, by.detector)
        decision = decisions.get(known[0].values[0])
        if decision is None or any(word.startswith("weekly") for word in decision["degraded"]):
            continue
        told = {name: number for name, number in decision["features"].items() if name not in own}
        judged = what_if.judged(known, by, told)
        assert decision["features"] == judged["features"]
        assert {name: decision[name] for name in JUDGED} == {name: judged[name] for name in JUDGED}
        compared += 1

    assert compared > ROWS / 2 or event_type.id is None


@pytest.fixture
def by(tmp_path: Path) -> Chosen:
    """Return a detector of amount and seconds since the payment before."""
    saved(tmp_path / "models", trees())
    return Chosen(Detector.of(load_model(tmp_path / "models"), CARD), None)


async def judged(by: Chosen, told: dict[str, float | None], **changed: Any) -> dict[str, Any]:
    """Judge a payment."""
    what_if = asking(CARD)
    return what_if.judged(
        await what_if.known(json.dumps(event("w-1", **changed)).encode(), by.detector), by, told
    )


async def test_what_is_told_is_used_and_what_follows_from_it_is_computed(by: Chosen) -> None:
    """The windows of an event that nobody counted hold itself; that is said, unless all of them were told."""
    alone = await judged(by, {})
    told = await judged(by, {"num_trans_last_10m": 6, "num_trans_last_1w": 3, "avg_amt_last_1w": 2.5})

    assert (1, [], True) == (
        alone["features"]["num_trans_last_10m"],
        alone["told"],
        WINDOWS_NOT_ASKED in alone["degraded"],
    )
    assert (6, 3) == (told["features"]["num_trans_last_10m"], told["features"]["num_trans_last_1w"])
    assert [WINDOWS_NOT_ASKED] == told["degraded"]
    windows: dict[str, float | None] = {each.column.name: 1 for each in CARD.windows.velocities}
    assert ["weekly-missing"] == (await judged(by, windows))["degraded"]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"count_ration": 1}, "no feature here"),
        ({"amount": 3}, "a field of the event"),
        ({"num_trans_last_10m": 1.5}, "whole number"),
        ({"num_trans_last_10m": None}, "whole number"),
        ({"seconds_since_previous": 1e300}, "from -1e15 to 1e15"),
        ({"seconds_since_previous": float("nan")}, "from -1e15 to 1e15"),
    ],
)
async def test_what_cannot_be_told_is_refused(
    by: Chosen, told: dict[str, float | None], problem: str
) -> None:
    """With the reason."""
    with pytest.raises(SetupError, match=problem):
        await judged(by, told)


async def test_what_is_no_event_is_refused(by: Chosen) -> None:
    """As on the topic."""
    with pytest.raises(InvalidTransaction):
        await judged(by, {}, amount="much")


def test_the_command_judges_by_any_release(tmp_path: Path) -> None:
    """Without a broker: by the active model, or by a release of a number."""
    saved(tmp_path / "models", trees())
    drafted_in(tmp_path / "models", 1)
    settings = Settings(_env_file=None, data_dir=tmp_path)
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event("w-1", amount=70)))

    shown = fraudstream(settings, "score", path, "--feature", "seconds_since_previous=2")
    drafted = fraudstream(settings, "score", path, "--release", "1", "--json")
    absent = fraudstream(settings, "score", path, "--release", "9")
    wrong = fraudstream(settings, "score", path, "--feature", "amount")

    assert 0 == shown.returncode, shown.stderr
    assert "seconds_since_previous   2.0  (told)" in shown.stdout
    assert (0, "card-1") == (drafted.returncode, json.loads(drafted.stdout)["release"]), drafted.stderr
    assert (2, 2) == (absent.returncode, wrong.returncode)
    path.write_text('{"tid": "w-2"}')
    assert 1 == fraudstream(settings, "score", path).returncode
