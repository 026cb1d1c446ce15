"""`fraudstream webhooks run` with a real broker: each alert at least once, whatever its receiver does and whoever is killed."""

import asyncio
import json
import subprocess
from collections.abc import Iterable

import pytest
from aiokafka import AIOKafkaProducer

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.webhooks import Webhooks
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker
from tests.webhooks.receivers import Receiving, always, hanging, receiving

pytestmark = pytest.mark.timeout(300)

RUN = ("-m", "fraudstream", "webhooks", "run")


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings with which receivers may be on this machine, and are not tried for long."""
    changed = {"webhooks_private_addresses": True, "webhooks_timeout_s": 2.0, "webhooks_give_up_after_s": 60}
    return kafka_settings.model_copy(update=changed)


async def alert(settings: Settings, numbers: Iterable[int]) -> set[str]:
    """Publish alerts; return the ids of their events."""
    async with AIOKafkaProducer(**Kafka.of(settings).client, acks="all") as producer:
        topic = settings.topic("fraud-alerts")
        sent = [
            await producer.send_and_wait(topic, json.dumps({"transaction_id": f"t-{number}"}).encode())
            for number in numbers
        ]
    return {f"{each.topic}-{each.partition}-{each.offset}" for each in sent}


async def told(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command, while the receivers of this process go on."""
    return await asyncio.to_thread(fraudstream, settings, *words)


def added(settings: Settings, url: str, *options: str) -> str:
    """Add a webhook; return its id."""
    done = fraudstream(settings, "webhooks", "add", url, *options, "--json")
    assert 0 == done.returncode, done.stderr
    return str(json.loads(done.stdout)["id"])


async def test_every_alert_arrives_whatever_other_receivers_do(settings: Settings) -> None:
    """One fails at first, one hangs, one is away; those that take events have them all, with a body that says what they are."""

    async def failing_at_first(got: Receiving, event: str) -> int:
        tried = sum(headers["Fraudstream-Id"] == event for headers, _ in got.requests)
        return 503 if tried == 1 else 200

    async with receiving() as well, receiving(failing_at_first) as failing, receiving(hanging) as stuck:
        for got in (well, failing, stuck):
            added(settings, got.url)
        added(settings, "http://127.0.0.1:9/")
        before = await alert(settings, range(10))
        with Worker(settings, RUN):
            wanted = before | await alert(settings, range(10, 30))
            await well.until(lambda got: wanted <= got.arrived.keys())
            await failing.until(lambda got: wanted <= got.arrived.keys())
    told = {headers["Fraudstream-Id"]: json.loads(body) for headers, body in well.requests}

    assert wanted == told.keys()
    assert {f"t-{number}" for number in range(30)} == {
        each["data"]["transaction_id"] for each in told.values()
    }
    assert {("alert", True)} == {(each["type"], each["id"] in wanted) for each in told.values()}
    assert 0 == stuck.arrived.total()


async def test_changes_of_cases_are_sent_to_those_who_want_them(settings: Settings) -> None:
    """And only to them; a record that removes another is no change."""
    async with receiving() as wants_both, receiving() as wants_alerts:
        added(settings, wants_both.url, "--on", "alerts", "--on", "cases")
        added(settings, wants_alerts.url)
        async with AIOKafkaProducer(**Kafka.of(settings).client, acks="all") as producer:
            topic = settings.topic("cases")
            await producer.send_and_wait(topic, None, key=b"c-0", partition=0)
            await producer.send_and_wait(topic, b'{"id": "c-1"}', key=b"c-1", partition=0)
        wanted = await alert(settings, range(2))
        with Worker(settings, RUN):
            await wants_both.until(lambda got: len(got.arrived) == 3)
            await wants_alerts.until(lambda got: wanted <= got.arrived.keys())
    told = [json.loads(body) for _, body in wants_both.requests]

    assert ["alert", "alert", "case"] == sorted(each["type"] for each in told)
    assert [{"id": "c-1"}] == [each["data"] for each in told if each["type"] == "case"]
    assert wanted == wants_alerts.arrived.keys()


async def test_nothing_is_lost_when_the_sender_is_killed(settings: Settings) -> None:
    """Again and again, in the midst of sending; whoever comes next goes on."""

    async def slow(_got: Receiving, _event: str) -> int:
        await asyncio.sleep(0.02)
        return 200

    async with receiving(slow) as got:
        added(settings, got.url)
        wanted: set[str] = set()
        for round_ in range(3):
            with Worker(settings, RUN) as sender:
                wanted |= await alert(settings, range(round_ * 100, round_ * 100 + 100))
                before = got.arrived.total()
                await got.until(lambda got, before=before: got.arrived.total() > before + 20)  # type: ignore[misc]
                sender.kill()
        with Worker(settings, RUN):
            await got.until(lambda got: wanted <= got.arrived.keys())

    assert wanted == got.arrived.keys()


async def test_what_no_receiver_takes_is_set_aside_and_sent_again_on_request(settings: Settings) -> None:
    """After the time that is set; meanwhile it is shown why."""
    short = settings.model_copy(update={"webhooks_give_up_after_s": 1})
    store = Webhooks(opened(settings.database_url))
    async with receiving(always(500)) as got:
        hook = added(settings, got.url)
        with Worker(short, RUN):
            wanted = await alert(settings, range(3))
            await got.until(lambda _: len(store.failed(hook)) == 3)
            listed = json.loads((await told(settings, "webhooks", "list", "--json")).stdout)
            assert [(3, "answered with status 500")] == [(each["failed"], each["problem"]) for each in listed]
            assert wanted == {
                each["event_id"]
                for each in json.loads((await told(settings, "webhooks", "failed", "--json")).stdout)
            }
            assert 1 == (await told(settings, "webhooks", "test", hook)).returncode
            got.behaviour = always(200)
            assert 0 == (await told(settings, "webhooks", "test", hook)).returncode
            assert 0 == (await told(settings, "webhooks", "resend", hook)).returncode
            await got.until(lambda got: wanted <= got.arrived.keys())
            assert 0 == (await told(settings, "webhooks", "remove", hook)).returncode
