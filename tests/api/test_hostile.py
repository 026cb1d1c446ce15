"""Whatever is sent, no answer is 500, and none takes for ever: any bytes, slow bodies, many idle connections."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.api import predictions
from fraudstream.api.door import BODY_TIMEOUT_S, Refusal
from fraudstream.api.labels import parsed as labels_in
from fraudstream.api.scoring import parsed as question_in
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import NoWeeks
from fraudstream.predict.detectors import Chosen
from fraudstream.predict.what_if import WhatIf
from fraudstream.process.http_protocol import HEAD_BYTES_MAX
from fraudstream.settings import Settings
from tests.api.serving import serving
from tests.end_to_end.test_worker import CARDS
from tests.parity.test_event_types import CountingModel

pytestmark = pytest.mark.timeout(300)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())
EVENTS = st.fixed_dictionaries(
    {"cc_num": st.just(CARDS[0]), "amount": st.floats() | st.integers() | st.text(max_size=5)},
    optional={"tid": st.text(max_size=5), "trans_ts": st.floats() | JSON, "merchant": JSON},
)
TOLD = st.dictionaries(
    st.sampled_from(
        ["num_trans_last_10m", "avg_amt_last_1w", "num_trans_last_1w", "count_ratio", "amount", "x"]
    ),
    st.none() | st.floats() | st.integers(),
)
QUESTIONS = st.fixed_dictionaries({"event": EVENTS, "features": TOLD}).map(
    lambda value: json.dumps(value).encode()
)
CARD = event_type_named("card")
WHAT_IF = WhatIf(Parser(CARD, entity_index(CARD, Tokenizer(bytes(32)), 1), 1_000), CARD, 60_000, NoWeeks())
BY = Chosen(Detector.of(CountingModel(), CARD), None)
T = TypeVar("T")
REFUSED = {400, 401, 403, 404, 405, 408, 413, 422, 429, 503, 504}


def read(reading: Callable[[], T]) -> tuple[T | None, int]:
    """Return what is read and 200, or nothing and the status of the refusal."""
    try:
        return reading(), 200
    except Refusal as error:
        return None, error.status


@given(body=BODIES)
def test_any_body_is_events_or_refused(body: bytes) -> None:
    """Reading it raises nothing else."""
    said, status = read(lambda: predictions.parsed(body))

    assert status in REFUSED | {200}
    if said is not None:
        events, as_array = said
        assert 1 <= len(events) <= (predictions.EVENTS_MAX if as_array else 1)


@given(body=BODIES)
def test_any_body_is_labels_or_refused(body: bytes) -> None:
    """As above."""
    said, status = read(lambda: labels_in(body, 1_000))

    assert (422 if said is None else 200) == status


@given(body=BODIES | QUESTIONS)
def test_any_body_is_a_question_or_refused(body: bytes) -> None:
    """And any question about an event is answered, or says in a sentence why not."""
    said, status = read(lambda: question_in(body))
    assert (422 if said is None else 200) == status
    if said is None:
        return
    try:
        known = asyncio.run(WHAT_IF.known(bytes(said.event), BY.detector))
        judged = WHAT_IF.judged(known, BY, said.features)
    except (InvalidTransaction, SetupError):
        return
    assert 0 <= judged["probability"] <= 1


@pytest.fixture
async def client(kafka_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Run an API without a worker."""
    async with serving(kafka_settings, api_deadline_ms=1) as client:
        yield client


async def test_any_request_has_an_answer(client: httpx.AsyncClient) -> None:
    """Methods, addresses, headers and bodies of all kinds, each with our form of error."""
    asked: list[tuple[str, str, bytes]] = [
        ("POST", "/v1/predictions", b"\x00"),
        ("POST", "/v1/predictions", b"[1, null, {}]"),
        ("POST", "/v1/predictions", b'{"tid": {"a": 1}}'),
        ("POST", "/v1/labels", b"{}"),
        ("PUT", "/v1/predictions", b"{}"),
        ("GET", "/v1/predictions/%00%ff", b""),
        ("GET", "/v1/predictions/..%2f..%2fetc", b""),
        ("GET", "/v1/predictions/" + "x" * 5_000, b""),
        ("DELETE", "/v1/predictions/a", b""),
        ("GET", "/" + "a/" * 500, b""),
    ]
    for method, address, body in asked:
        answer = await client.request(method, address, content=body)
        assert answer.status_code in REFUSED | {200}, (method, address)
        assert answer.status_code == 200 or {"code", "detail"} <= answer.json()["error"].keys()
    for header in ({"X-Deadline-Ms": "-1"}, {"X-Deadline-Ms": "9" * 400}, {"Authorization": "x" * 9_000}):
        answer = await client.post("/v1/predictions", content=b"{}", headers=header)
        assert answer.status_code in REFUSED


async def test_a_body_that_comes_slowly_is_not_waited_for(client: httpx.AsyncClient) -> None:
    """Meanwhile others are answered, also beside a few hundred connections that send nothing."""
    host, port = client.base_url.host, client.base_url.port
    idle = [await asyncio.open_connection(host, port) for _ in range(300)]
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()

    assert 200 == (await client.get("/health")).status_code
    async with asyncio.timeout(BODY_TIMEOUT_S * 6):
        assert b"408" in await reader.readline()
    for _, each in [*idle, (reader, writer)]:
        each.close()


@pytest.mark.parametrize(
    "beginning", [b"", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"], ids=["before", "behind"]
)
async def test_headers_without_an_end_are_refused(client: httpx.AsyncClient, beginning: bytes) -> None:
    """Before a body and behind it: they would fill the memory. Others are answered meanwhile."""
    host, port = client.base_url.host, client.base_url.port
    _, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\n" + beginning + b"X-Long: ")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 64 * HEAD_BYTES_MAX:
            writer.write(b"x" * 1024)
            await writer.drain()
            sent += 1024

    assert sent < 64 * HEAD_BYTES_MAX
    assert 200 == (await client.get("/health")).status_code
    writer.close()


@settings(max_examples=25)
@given(text=st.text(max_size=30))
def test_a_deadline_is_a_number_or_refused(text: str) -> None:
    """Whatever a header holds."""
    request = type("Request", (), {"headers": {predictions.DEADLINE_HEADER: text}})()
    said, status = read(lambda: predictions.deadline_s(request, 500))

    assert 400 == status if said is None else 0.001 <= said <= 60
