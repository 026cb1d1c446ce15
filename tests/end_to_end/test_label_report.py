"""What is let through by chance tells what blocking hides: worker, archive, labels and report together."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, produce, settled
from tests.end_to_end.test_worker import encoded, payments

RULES = """
[[rules]]
name = "large"
when = "amount > 350"
outcome = "block"
pass_share = 0.2

[[rules]]
name = "middling"
when = "amount > 250"
outcome = "review"
"""


@pytest.fixture
def settings(kafka_settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with an event type whose rule blocks large payments and lets a fifth of them through."""
    declared = files("fraudstream.event_types").joinpath("card.toml").read_text()
    event_type = tmp_path / "large.toml"
    event_type.write_text(declared.partition("[[rules]]")[0].rpartition("\n#")[0] + "\n" + RULES)
    return kafka_settings.model_copy(update={"web": False, "event_type": str(event_type)})


async def test_the_report_weighs_what_was_let_through(settings: Settings) -> None:
    """Every second large payment is fraud, and none of the others; blocked ones get no label, as in reality."""
    sent = {payment["tid"]: payment for payment in payments(2000, seed=5)}
    fraud = {
        tid: payment["amount"] > 350 and round(payment["amount"] * 100) % 2 == 0
        for tid, payment in sent.items()
    }
    await produce(settings, [encoded(payment) for payment in sent.values()])
    with Worker(settings):
        decided = {each["transaction_id"]: each for each in await decisions_of(settings, set(sent), 150)}
        await settled(settings, timeout_s=150)
    async with AIOKafkaProducer(**Kafka.of(settings).client, acks="all") as producer:
        for tid, decision in decided.items():
            if decision["outcome"] != "block":
                told = {"transaction_id": tid, "fraud": fraud[tid], "known_at": decision["event_time"] + 9}
                await producer.send_and_wait(
                    settings.topic("labels"), json.dumps(told).encode(), key=tid.encode()
                )

    archived = fraudstream(settings, "archive", "run", "--once", timeout_s=120)
    done = fraudstream(settings, "labels", "report", "--json")
    assert (0, 0) == (archived.returncode, done.returncode), archived.stderr + done.stderr
    total = json.loads(done.stdout)["total"]
    blocked = [tid for tid, decision in decided.items() if decision["outcome"] == "block"]
    through = [tid for tid, decision in decided.items() if decision["passed_rules"]]

    assert (2000, len(blocked)) == (total["payments"], total["blocked_unlabelled"])
    assert (len(through), 0) == (total["let_through"], total["never_let_through"])
    assert sum(fraud[tid] for tid in through) == total["fraud"] == total["caught"]
    assert 5 * total["fraud"] == pytest.approx(total["weighted_caught"])
    assert sum(fraud.values()) == pytest.approx(total["weighted_caught"], rel=0.3)
