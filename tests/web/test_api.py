"""The JSON under /api/v1, through a real HTTP client and Faust's real web server."""

import time
from pathlib import Path

import numpy as np
import pytest

from fraudstream import web
from fraudstream.domain.problems import Problem
from fraudstream.metrics import BatchReport
from tests.web.fake_worker import CARD, ELSEWHERE, NOW_MS, QUIET_CARD, FakeWorker, a_decision
from tests.web.served import Serve, Site

API = (Path(__file__).parents[2] / "docs/reference/web-api.md").read_text()


async def test_the_summary_counts_what_was_decided(site: Site):
    """Rates over the last ten seconds, totals since the start, columns of equal length."""
    summary = await site.json("/api/v1/summary?seconds=60")

    assert 0.4 == summary["rates"]["payments_per_s"]
    assert 2.0 == summary["rates"]["alerts_per_min"]
    assert 5.0 == pytest.approx(summary["latency_ms"]["p99"], rel=0.03)
    assert {"payments": 4, "alerts": 2} == {name: summary["totals"][name] for name in ("payments", "alerts")}
    assert 3 == summary["lag"]
    assert ["t-3", "t-2"] == [alert["transaction_id"] for alert in summary["alerts"]]
    assert {60} == {len(column) for column in summary["timeline"].values()}
    assert 1 == sum(summary["timeline"]["block"])


async def test_alerts_and_decisions_are_paged_from_the_newest(site: Site):
    """`next_before` of one page asks for the next."""
    first = await site.json("/api/v1/alerts?limit=1")
    second = await site.json(f"/api/v1/alerts?limit=1&before={first['next_before']}")
    everything = await site.json("/api/v1/decisions")

    assert ["t-3"] == [alert["transaction_id"] for alert in first["alerts"]]
    assert ["t-2"] == [alert["transaction_id"] for alert in second["alerts"]]
    assert second["next_before"] is None
    assert ["t-4", "t-3", "t-2", "t-1"] == [row["transaction_id"] for row in everything["decisions"]]


async def test_a_card_shows_its_ten_minutes_week_and_decisions(site: Site):
    """The ten minutes end at the card's newest payment; what the state keeps beyond is not shown."""
    card = await site.json(f"/api/v1/cards/{CARD}")

    assert 2 == card["ten_minutes"]["count"]
    assert 15.0 == card["ten_minutes"]["amount"]
    assert [12.5, 2.5] == [payment["amount"] for payment in card["ten_minutes"]["payments"]]
    assert {"count": 12, "mean_amount": 58.4, "as_of": NOW_MS - NOW_MS % 86_400_000} == card["week"]
    assert "2643" == card["card_last4"]
    assert 4 == len(card["decisions"])


async def test_a_card_s_refund_is_shown_and_not_counted(serve: Serve):
    """With its sign, in the list and on the page."""
    site = await serve(FakeWorker(activity={CARD: [(NOW_MS - 3_000, 250), (NOW_MS, -1250)]}))
    lately = (await site.json(f"/api/v1/cards/{CARD}"))["ten_minutes"]

    assert (1, 2.5, 2.5, NOW_MS) == tuple(
        lately[name] for name in ("count", "amount", "mean_amount", "until")
    )
    assert [-12.5, 2.5] == [payment["amount"] for payment in lately["payments"]]
    assert '<td class="number">-12.50</td>' in await site.html(f"/cards/{CARD}")


@pytest.mark.parametrize(("decimals", "amount", "shown"), [(0, 1250.0, "1,250"), (3, 1.25, "1.250")])
async def test_amounts_have_the_decimals_of_the_currency(
    serve: Serve, decimals: int, amount: float, shown: str
):
    """In the JSON as numbers, on pages as people write them there."""
    site = await serve(FakeWorker(activity={CARD: [(NOW_MS, 1250)]}, decimals=decimals))
    page = await site.html(f"/cards/{CARD}")

    assert amount == (await site.json(f"/api/v1/cards/{CARD}"))["ten_minutes"]["amount"]
    assert f'<td class="number">{shown}</td>' in page
    assert f'data-decimals="{decimals}"' in page


async def test_a_card_nobody_has_seen_is_not_found(site: Site):
    """Held here, but no payments, no week, no decisions."""
    answer = await site.json(f"/api/v1/cards/{QUIET_CARD}", status=404)

    assert "not-found" == answer["error"]["code"]


async def test_a_week_without_payments_does_not_make_a_card_known(serve: Serve):
    """The aggregates answer zero for any token, also for one that never was."""
    site = await serve(FakeWorker(weeks={QUIET_CARD: (0, 0.0, NOW_MS), CARD: (3, 9.5, NOW_MS)}))

    await site.json(f"/api/v1/cards/{QUIET_CARD}", status=404)
    assert 3 == (await site.json(f"/api/v1/cards/{CARD}"))["week"]["count"]


async def test_a_decision_is_returned_as_published(site: Site):
    """Nothing added, nothing left out."""
    answer = await site.json("/api/v1/decisions/t-3")

    assert a_decision("t-3", "block") == answer["decision"]
    assert answer["worker"] is None


@pytest.mark.parametrize("transaction_id", ["a/b", "ü 1", "100%", "x?y#z"])
async def test_any_transaction_id_has_an_address(serve: Serve, transaction_id: str):
    """Ids come from outside; an address escapes what needs it."""
    worker = FakeWorker()
    worker.decide(a_decision(transaction_id, "block"))
    site = await serve(worker)
    page = await site.html("/alerts")
    path = page.split('href="/decisions/')[1].split('"')[0]

    assert transaction_id == (await site.json(f"/api/v1/decisions/{path}"))["decision"]["transaction_id"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/alerts?limit=0",
        "/api/v1/alerts?limit=201",
        "/api/v1/alerts?limit=-1",
        "/api/v1/alerts?limit=1e3",
        "/api/v1/alerts?limit=",
        "/api/v1/alerts?before=4006080197832643000",
        "/api/v1/decisions?limit=٣",
        "/api/v1/summary?seconds=5",
        "/api/v1/summary?span=4006080197832643",
        "/api/v1/health?x=1",
    ],
)
async def test_a_bad_parameter_is_a_400_that_says_what_is_allowed(site: Site, path: str):
    """And does not repeat what was sent."""
    answer = await site.json(path, status=400)

    assert 400 == answer["error"]["status"]
    assert answer["error"]["message"].endswith(".")
    assert "4006080197832643" not in str(answer)


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1/decisions/unknown", "/api/v1/cards/", "/api/v2/summary"]
)
async def test_what_is_not_there_is_a_404_in_json(site: Site, path: str):
    """Also where no route matches."""
    answer = await site.json(path, status=404)

    assert 404 == answer["error"]["status"]


async def test_the_api_is_only_for_reading(site: Site):
    """405, in JSON."""
    async with site.http.post(f"{site.url}/api/v1/alerts") as response:
        assert 405 == response.status
        assert "application/json" == response.content_type


@pytest.mark.parametrize(
    "card", ["4006080197832643", "4006-0801-9783-2643", "98A587477DB61478ADB5DC479CAB8ACC", "98a5"]
)
@pytest.mark.parametrize("prefix", ["/cards/", "/api/v1/cards/"])
async def test_a_card_number_is_never_accepted_and_never_repeated(site: Site, prefix: str, card: str):
    """Only tokens are addresses; the answer does not echo what may be a card number."""
    async with site.http.get(site.url + prefix + card) as response:
        body = await response.text()

        assert 404 == response.status
        assert card not in body
        assert card not in str(response.headers)


async def test_a_card_held_elsewhere_is_asked_of_the_other_workers(serve: Serve):
    """Its worker's answer is passed on, and says whose it is."""
    holder = await serve(FakeWorker(activity={ELSEWHERE: [(NOW_MS, 700)]}))
    bystander = await serve(FakeWorker(activity={ELSEWHERE: None}))
    asked = await serve(FakeWorker(activity={ELSEWHERE: None}, peers=[bystander.url, holder.url]))
    card = await asked.json(f"/api/v1/cards/{ELSEWHERE}")

    assert holder.url == card["worker"]
    assert 7.0 == card["ten_minutes"]["amount"]
    assert 404 == (await asked.json(f"/api/v1/cards/{ELSEWHERE}?local=1", status=404))["error"]["status"]


async def test_workers_that_name_each_other_do_not_ask_for_ever(serve: Serve):
    """`local=1` ends the recursion."""
    one, two = FakeWorker(activity={ELSEWHERE: None}), FakeWorker(activity={ELSEWHERE: None})
    first, second = await serve(one), await serve(two)
    one.peers, two.peers = [second.url], [first.url]

    await first.json(f"/api/v1/cards/{ELSEWHERE}", status=404)
    await first.json("/api/v1/decisions/unknown", status=404)


async def test_a_decision_made_elsewhere_is_found(serve: Serve):
    """Ids with slashes survive the way to the other worker."""
    other = FakeWorker()
    other.decide(a_decision("a/b c", "review"))
    holder = await serve(other)
    asked = await serve(FakeWorker(peers=[holder.url]))
    answer = await asked.json("/api/v1/decisions/a%2Fb%20c")

    assert holder.url == answer["worker"]
    assert "a/b c" == answer["decision"]["transaction_id"]


async def test_not_found_is_not_answered_while_a_worker_does_not_answer(serve: Serve):
    """It might be the one that holds the card: 503, without waiting for a connection that never comes."""
    site = await serve(FakeWorker(activity={ELSEWHERE: None}, peers=["http://127.0.0.1:1"]))
    started = time.monotonic()
    answer = await site.json(f"/api/v1/cards/{ELSEWHERE}", status=503)

    assert "worker-unavailable" == answer["error"]["code"]
    assert time.monotonic() - started < 20


async def test_a_worker_is_healthy_by_progress(serve: Serve):
    """Waiting records without progress make it 503; the metric says the same."""
    worker = FakeWorker(stalled_after_s=0.0)
    site = await serve(worker)
    worker.health = web.Health(True, (web.PartitionState("transactions", 0, 5, 0),))
    assert "ok" == (await site.json("/health"))["status"]

    worker.health = web.Health(True, (web.PartitionState("transactions", 0, 5, 9),))
    answer = await site.json("/api/v1/health", status=503)
    assert "stalled" == answer["status"]
    assert "transactions, partition 0" in answer["problems"][0]["sentence"]
    async with site.http.get(f"{site.url}/metrics") as response:
        text = await response.text()
    assert "fraudstream_healthy 0.0" in text
    assert 'fraudstream_source_lag{partition="0",topic="transactions"} 9.0' in text


async def test_a_degraded_worker_stays_in_service_and_says_why(serve: Serve):
    """200, the problem as an object with its remedy, and the status as a metric."""
    problem = Problem("degraded", "there are no weekly aggregates", "fraudstream aggregate")
    site = await serve(FakeWorker(health=web.Health(True, problems=(problem,))))
    answer = await site.json("/health")

    assert ("degraded", [problem._asdict()]) == (answer["status"], answer["problems"])
    assert "Run: <code>fraudstream aggregate</code>" in await site.html("/health")
    async with site.http.get(f"{site.url}/metrics") as response:
        text = await response.text()
    assert "fraudstream_healthy 1.0" in text
    assert 'fraudstream_status{status="degraded"} 1.0' in text
    assert 'fraudstream_status{status="ok"} 0.0' in text


async def test_the_summary_says_which_share_was_degraded(serve: Serve):
    """Of the last minute's payments; unknown without any."""
    worker = FakeWorker()
    site = await serve(worker)
    assert (await site.json("/api/v1/summary"))["degraded_share"] is None

    report = BatchReport(4, {"approve": 4}, np.ones(4), time.time() - 2, degraded={"weekly-missing": 1})
    worker.report(report)
    assert 0.25 == (await site.json("/api/v1/summary"))["degraded_share"]


async def test_a_worker_that_restores_its_state_is_not_ready(serve: Serve):
    """Also on the page a person looks at."""
    site = await serve(FakeWorker(health=web.Health(recovered=False)))

    assert "recovering" == (await site.json("/health", status=503))["status"]
    assert "restoring its state" in await site.html("/health", status=503)


def names_in(data: object) -> set[str]:
    """Every field name in JSON, however deep; decisions are documented with their topic."""
    if isinstance(data, list):
        return {name for item in data for name in names_in(item)}
    if not isinstance(data, dict) or "transaction_id" in data:
        return set()
    return set(data) | {name for value in data.values() for name in names_in(value)}


@pytest.mark.parametrize(
    "path", ["summary", "alerts", "decisions", "decisions/t-3", f"cards/{CARD}", "health", "nothing"]
)
async def test_every_field_is_documented(site: Site, path: str):
    """In docs/reference/web-api.md, by name."""
    async with site.http.get(f"{site.url}/api/v1/{path}") as response:
        fields = names_in(await response.json())

    assert fields
    assert set() == {name for name in fields if f"`{name}`" not in API and f'"{name}"' not in API}
