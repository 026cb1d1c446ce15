"""Predictions over HTTP, decided by a real worker through a real broker."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest

from fraudstream.settings import Settings
from tests.api.events import event
from tests.api.serving import serving
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, read_all
from tests.shared import PATIENCE_S

pytestmark = pytest.mark.timeout(300)

REAL = "4006080197832643"
"""A number that is a card's by issuer and check digit; those of other tests are not."""

NOT_THE_SAME = ("decided_at", "timing_ms")


async def fetched(client: httpx.AsyncClient, tid: str) -> httpx.Response:
    """Fetch a decision until it is there."""
    async with asyncio.timeout(PATIENCE_S):
        for _ in count():
            found = await client.get(f"/v1/predictions/{tid}")
            if found.status_code != 404:
                return found
            await asyncio.sleep(0.2)
    raise AssertionError


@pytest.fixture
async def client(kafka_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run a worker and the API."""
    with Worker(kafka_settings):
        async with serving(kafka_settings) as client:
            yield client


async def test_the_answer_is_the_decision_on_the_topic(
    client: httpx.AsyncClient, kafka_settings: Settings
) -> None:
    """One event, then many: in the order asked, counted in the windows, byte for byte what the topic has."""
    first = event("h-0")
    single = await client.post("/v1/predictions", json=first)
    many = await client.post("/v1/predictions", json=[event(f"h-{n}", n, n % 3) for n in range(1, 40)])

    assert (200, 200) == (single.status_code, many.status_code)
    assert [f"h-{n}" for n in range(1, 40)] == [each["transaction_id"] for each in many.json()]
    of_the_first = [
        each["features"]["num_trans_last_10m"]
        for each in many.json()
        if each["card"] == single.json()["card"]
    ]
    assert [*range(2, 2 + len(of_the_first))] == of_the_first
    published = {
        json.loads(record.value)["transaction_id"]: record.value
        for record in await read_all(kafka_settings, "decisions")
    }
    assert 40 == len(published)
    assert published["h-0"] == single.content
    assert [json.loads(published[f"h-{n}"]) for n in range(1, 40)] == many.json()


async def test_the_same_id_again_is_the_same_event(
    client: httpx.AsyncClient, kafka_settings: Settings
) -> None:
    """At once, from this process and from one that was started anew; other content is a conflict."""
    paid = event("again")
    asked = await asyncio.gather(*(client.post("/v1/predictions", json=paid) for _ in range(5)))
    assert 1 == len({answer.content for answer in asked})
    assert 1 == len(await read_all(kafka_settings, "transactions"))

    other = await client.post("/v1/predictions", json=paid | {"amount": 2})
    assert (409, "conflict") == (other.status_code, other.json()["error"]["code"])

    async with serving(kafka_settings) as anew:
        answer = await anew.post("/v1/predictions", json=paid)
        conflict = await anew.post(
            "/v1/predictions", json=event("again", amount=2) | {"trans_ts": paid["trans_ts"]}
        )
    before, after = asked[0].json(), answer.json()
    assert 200 == answer.status_code
    same = set(before) - {*NOT_THE_SAME, "source"}
    assert {name: before[name] for name in same} == {name: after[name] for name in same}
    assert (409, "conflict") == (conflict.status_code, conflict.json()["error"]["code"])
    decided = await decisions_of(kafka_settings, {"again"})
    assert {1} == {each["features"]["num_trans_last_10m"] for each in decided}


async def test_what_is_not_an_event_is_said_and_does_not_reach_the_log(
    client: httpx.AsyncClient, kafka_settings: Settings
) -> None:
    """Among others too: each gets its own answer, in its place."""
    wrong = await client.post("/v1/predictions", json={"tid": "w", "amount": 1})
    mixed = await client.post("/v1/predictions", json=[event("good"), {"amount": "x"}])
    broken = [
        await client.post("/v1/predictions", content=content) for content in (b"{", b"", b"\xff", b"[" * 9000)
    ]

    assert (422, "invalid") == (wrong.status_code, wrong.json()["error"]["code"])
    assert "good" == mixed.json()[0]["transaction_id"]
    assert "invalid" == mixed.json()[1]["error"]["code"]
    assert [400] * 4 == [answer.status_code for answer in broken]
    assert 422 == (await client.post("/v1/predictions", json=[])).status_code
    assert 413 == (await client.post("/v1/predictions", content=b"x" * 9_000_000)).status_code
    assert (
        400
        == (await client.post("/v1/predictions", json=event("d"), headers={"X-Deadline-Ms": "x"})).status_code
    )
    assert ["good"] == [
        json.loads(record.value)["tid"] for record in await read_all(kafka_settings, "transactions")
    ]


async def test_an_event_that_is_not_decided_in_time_can_be_fetched_later(kafka_settings: Settings) -> None:
    """504 names its id; once a worker runs, the decision is there, and only one."""
    async with serving(kafka_settings) as client:
        asked = time.monotonic()
        late = await client.post("/v1/predictions", json=event("late"), headers={"X-Deadline-Ms": "300"})
        assert time.monotonic() - asked < 20
        assert (504, "late", "late") == (
            late.status_code,
            late.json()["error"]["code"],
            late.json()["error"]["transaction_id"],
        )
        assert 404 == (await client.get("/v1/predictions/late")).status_code
        with Worker(kafka_settings):
            found = await fetched(client, "late")
    (record,) = await read_all(kafka_settings, "decisions")
    assert record.value == found.content


async def test_too_many_that_wait_are_refused_with_a_time_to_come_again(kafka_settings: Settings) -> None:
    """Before anything breaks: no worker runs, and five may wait."""
    async with serving(kafka_settings, api_in_flight_max=5, api_deadline_ms=200) as client:
        answers = [(await client.post("/v1/predictions", json=event(f"c-{n}", n))) for n in range(7)]

    assert [504] * 5 + [429] * 2 == [answer.status_code for answer in answers]
    assert "1" == answers[-1].headers["Retry-After"]


async def test_card_numbers_in_addresses_are_refused_and_never_written_down(
    client: httpx.AsyncClient, kafka_settings: Settings
) -> None:
    """Addresses end up in logs everywhere."""
    for address in (f"/v1/predictions/{REAL}", f"/v1/predictions?card={REAL}", f"/x/{REAL[:8]}%20{REAL[8:]}"):
        answer = await client.get(address)
        assert (400, "card-number") == (answer.status_code, answer.json()["error"]["code"])
    assert 200 == (await client.post("/v1/predictions", json=event("n-1", cc_num=REAL))).status_code
    logs = ""
    async with asyncio.timeout(PATIENCE_S):
        while "POST /v1/predictions 200" not in logs:  # a request is noted after its answer
            await asyncio.sleep(0.1)
            logs = "".join(path.read_text() for path in kafka_settings.data_dir.glob("worker-*.log"))
    assert REAL[8:] not in logs


async def test_labels_reach_the_topic(client: httpx.AsyncClient, kafka_settings: Settings) -> None:
    """One or many; what is none is refused whole."""
    one = await client.post("/v1/labels", json={"transaction_id": "a", "fraud": True, "source": "chargeback"})
    many = await client.post(
        "/v1/labels", json=[{"transaction_id": "b", "fraud": None}, {"transaction_id": "c", "fraud": False}]
    )
    wrong = await client.post("/v1/labels", json=[{"transaction_id": "d", "fraud": "yes"}])

    assert (202, 202, 422) == (one.status_code, many.status_code, wrong.status_code)
    said = {
        each["transaction_id"]: each
        for record in await read_all(kafka_settings, "labels")
        for each in [json.loads(record.value)]
    }
    assert {"a": True, "b": None, "c": False} == {tid: each["fraud"] for tid, each in said.items()}
    assert "chargeback" == said["a"]["source"]
    assert abs(said["b"]["known_at"] - time.time() * 1000) < 60_000


async def test_lists_are_changed(client: httpx.AsyncClient, kafka_settings: Settings) -> None:
    """Cards as tokens; what is no value, and a list that nobody made, are refused."""
    for name, kind in (("stolen", "card"), ("shops", "text")):
        made = await asyncio.to_thread(
            fraudstream, kafka_settings, "lists", "create", name, "--kind", kind, "--purpose", "deny"
        )
        assert 0 == made.returncode, made.stderr
    card = await client.post("/v1/lists/stolen", json={"add": [REAL], "why": "reported"})
    text = await client.post("/v1/lists/shops", json={"add": ["Corner", "Other"], "remove": ["Third"]})
    wrong = await client.post("/v1/lists/shops", json={"add": ["Corner", REAL]})
    missing = await client.post("/v1/lists/nobody", json={"add": ["a"]})

    assert (202, 202, 422, 404) == (
        card.status_code,
        text.status_code,
        wrong.status_code,
        missing.status_code,
    )
    assert {"list": "shops", "added": 2, "removed": 1} == text.json()
    assert "value 2" in wrong.json()["error"]["detail"]
    assert REAL not in wrong.text
    records = await read_all(kafka_settings, "lists")
    assert {"Corner", "Other", "Third"} < {json.loads(record.key or b"[]")[-1] for record in records}
    assert all(REAL.encode() not in (record.key or b"") + (record.value or b"") for record in records)


async def test_it_describes_and_measures_itself(client: httpx.AsyncClient) -> None:
    """OpenAPI, metrics, and one form of error for everything."""
    await client.post("/v1/predictions", json=event("m-1"))
    described = (await client.get("/openapi.json")).json()
    metrics = (await client.get("/metrics")).text

    assert {
        "/v1/predictions",
        "/v1/predictions/{transaction_id}",
        "/v1/labels",
        "/v1/lists/{name}",
        "/v1/score",
        "/health",
        "/metrics",
    } == set(described["paths"])
    assert 'fraudstream_api_requests_total{route="/v1/predictions",status="200"} 1.0' in metrics
    assert 'fraudstream_api_events_total{outcome="decided"} 1.0' in metrics
    missing, method = await client.get("/nowhere"), await client.get("/v1/labels")
    assert (404, 405) == (missing.status_code, method.status_code)
    assert "/docs" in missing.json()["error"]["detail"]
