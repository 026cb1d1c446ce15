"""The data of every page: the JSON below /api/v1, which templates get, too.

Field names are documented in docs/reference/web-api.md.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote

from multidict import MultiMapping

from fraudstream.adapters.archive.filters import FilterError
from fraudstream.adapters.archive.objects import ObjectsRefused, ObjectsUnavailable
from fraudstream.adapters.archive.search import ArchiveQuery, Position
from fraudstream.adapters.extras import NotInstalled
from fraudstream.domain.archived import unarchived
from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.rules import APPROVE, OUTCOMES
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.monitor.health import HealthReport, StallWatch
from fraudstream.monitor.recent import Decision, Page
from fraudstream.monitor.views import Views
from fraudstream.web import peers
from fraudstream.web.params import (
    BEFORE,
    EVENT_TIME,
    LIMIT,
    LOCAL,
    SECONDS,
    PageError,
    archive_search,
    card_token,
    not_found,
    numbers,
    sentence,
    transaction_id,
)
from fraudstream.web.searches import Searches

Query = MultiMapping[str]
RATE_SPAN_S = 10
ALERTS_SPAN_S = 60
DASHBOARD_ALERTS = 8
CARD_DECISIONS = 25
DECISION_SEARCH_S = 10.0
"""How long the archive is searched for one decision; without its event time, day by day from the newest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The data of a resource and its HTTP status."""

    data: dict[str, Any]
    status: int = 200


class Resources:
    """Answers every resource from a worker's views."""

    def __init__(self, views: Views, peer_headers: Mapping[str, str]) -> None:
        self.views = views
        self._peer_headers = peer_headers
        self._watch = StallWatch(views.stalled_after_s)
        self._searches = Searches(views.archive)

    async def summary(self, query: Query) -> Answer:
        """Return the dashboard: rates, latency, outcomes over time, latest alerts, health."""
        seconds = numbers(query, seconds=SECONDS)["seconds"] or 0
        views, now_s = self.views, time.time()
        lately, minute = (views.timeline.span(span, now_s) for span in (RATE_SPAN_S, ALERTS_SPAN_S))
        report, partitions = self._health()
        totals = views.timeline.totals
        payments = sum(totals[outcome] for outcome in OUTCOMES)
        return Answer(
            {
                "now": int(now_s * 1000),
                "versions": asdict(views.versions),
                "health": {
                    "status": report.status,
                    "problems": [each._asdict() for each in report.problems],
                },
                "rates": {
                    "payments_per_s": round(lately.payments / RATE_SPAN_S, 1),
                    "alerts_per_min": round(minute.alerts * 60 / ALERTS_SPAN_S, 1),
                    "dead_letters_per_min": round(minute.counts["dead_letters"] * 60 / ALERTS_SPAN_S, 1),
                },
                "degraded_share": minute.share("degraded") if minute.payments else None,
                "latency_ms": {"p50": lately.p50_ms, "p99": lately.p99_ms},
                "lag": sum(partition["lag"] or 0 for partition in partitions),
                "partitions": len(partitions),
                "totals": {"payments": payments, "alerts": payments - totals[APPROVE], **totals},
                "timeline": views.timeline.series(seconds, now_s),
                "alerts": views.recent.alerts(DASHBOARD_ALERTS),
                "workers": list(views.peers()),
            }
        )

    async def alerts(self, query: Query) -> Answer:
        """Return this worker's newest decisions that were not approved."""
        return self._page(query, alerts=True)

    async def decisions(self, query: Query) -> Answer:
        """Return this worker's newest decisions."""
        return self._page(query, alerts=False)

    async def decision(self, query: Query, who: str, id: str) -> Answer:  # noqa: A002
        """Return one decision: from memory, from whichever worker made it, or from the archive."""
        asked = numbers(query, local=LOCAL, at=EVENT_TIME)
        transaction = transaction_id(id)
        found = self.views.recent.by_id(transaction)
        if found is not None:
            return Answer({"decision": found, "worker": None, "archived": False})
        if asked["local"]:
            raise not_found("This worker does not remember that decision.")
        silent: PageError | None = None
        try:
            elsewhere = await self._elsewhere(f"/api/v1/decisions/{quote(transaction, safe='')}")
            if elsewhere is not None:
                return replace(elsewhere, data={"archived": False, **elsewhere.data})
        except PageError as error:
            silent = error
        found = await self._archived_decision(transaction, asked["at"], who)
        if found is not None:
            return Answer({"decision": found, "worker": None, "archived": True})
        raise silent or not_found("No worker remembers this decision, and it is not in the archive.")

    async def _archived_decision(self, transaction: str, at_ms: int | None, who: str) -> Decision | None:
        """Look a decision up in the archive: quickly if its event time is known, else for a bounded time."""
        until_ms = None if at_ms is None else at_ms + 1
        query = ArchiveQuery(transaction, since_ms=at_ms, until_ms=until_ms, limit=1)
        try:
            async with asyncio.timeout(DECISION_SEARCH_S):
                rows = await self._searched(query, who)
        except TimeoutError as error:
            message = (
                f"No worker remembers this decision, and it was not found in the archive within {DECISION_SEARCH_S:.0f} seconds; "
                "search the archive with a day."
            )
            raise PageError(503, "archive-unavailable", message, "/archive") from error
        except PageError as error:
            message = f"No worker remembers this decision. {error.message}"
            raise PageError(error.status, error.code, message) from error
        return unarchived(rows[0], self.views.declared) if rows else None

    async def card(self, query: Query, card: str) -> Answer:
        """Return an entity's ten minutes, week and recent decisions, from whichever worker holds it."""
        local = numbers(query, local=LOCAL)["local"]
        token = card_token(card)
        activity = self.views.card_activity(token)
        if activity is None:
            elsewhere = None if local else await self._elsewhere(f"/api/v1/cards/{token}")
            if elsewhere is None:
                raise _unknown_card(f"No worker holds recent payments of that {self.views.entity}.", token)
            return elsewhere
        week = await self.views.weekly(token)
        decisions = self.views.recent.by_card(token, CARD_DECISIONS)
        if not activity and not decisions and (week is None or week[0] == 0):
            raise _unknown_card(
                f"There are no recent payments of that {self.views.entity}, and no weekly aggregates.",
                token,
            )
        return Answer(
            {
                "card": token,
                "card_last4": decisions[0]["card_last4"] if decisions else None,
                "worker": None,
                "ten_minutes": _ten_minutes(activity, self.views.decimals),
                "week": None
                if week is None
                else dict(zip(("count", "mean_amount", "as_of"), week, strict=True)),
                "decisions": decisions,
            }
        )

    async def archive(self, query: Query, who: str) -> Answer:
        """Return archived payments that match the query, without one the newest."""
        search = archive_search(query)
        found = await self._searched(replace(search, limit=search.limit + 1), who)
        payments = found[: search.limit]
        more = len(found) > search.limit
        return Answer(
            {
                "payments": payments,
                "next_before": Position.of(payments[-1]).text if more else None,
                "asked": any(value for name, value in query.items() if name not in ("limit", "before")),
            }
        )

    async def _searched(self, query: ArchiveQuery, who: str) -> list[Decision]:
        """Search the archive; timeouts and errors of the store become a 503."""
        try:
            return await self._searches.find(query, who)
        except FilterError as error:
            raise PageError(400, "invalid-parameter", sentence(error)) from error
        except ObjectsRefused as error:
            raise PageError(503, "archive-unavailable", "The archive refuses this worker.") from error
        except NotInstalled as error:
            raise PageError(503, "archive-unavailable", f"{error}.") from error
        except (ObjectsUnavailable, TimeoutError) as error:
            message = (
                "The archive does not answer; try again later, or narrow the search with since and until."
            )
            raise PageError(503, "archive-unavailable", message) from error

    async def health(self, query: Query) -> Answer:
        """Return whether the worker does its work; 503 if it does not."""
        numbers(query)
        report, partitions = self._health()
        data = {
            "status": report.status,
            "problems": [each._asdict() for each in report.problems],
            "versions": asdict(self.views.versions),
            "partitions": partitions,
        }
        return Answer(data, 200 if report.ok else 503)

    def exposition(self) -> bytes:
        """Return the metrics as Prometheus scrapes them, with health and lag as of now."""
        self._health()
        return self.views.metrics.exposition()

    def _health(self) -> tuple[HealthReport, list[dict[str, Any]]]:
        """Judge the worker now, and let the metrics say the same."""
        health = self.views.health()
        report = self._watch.judge(health, time.monotonic())
        known = {
            (state.topic, state.partition): state.lag for state in health.partitions if state.lag is not None
        }
        self.views.metrics.lags(known)
        self.views.metrics.healthy(report.ok, report.status)
        states = sorted(health.partitions, key=lambda state: (state.topic, state.partition))
        return report, [
            {
                **asdict(state),
                "waiting_s": round(report.stalled_s.get((state.topic, state.partition), 0.0), 1),
            }
            for state in states
        ]

    def _page(self, query: Query, alerts: bool) -> Answer:
        asked = numbers(query, limit=LIMIT, before=BEFORE)
        limit, before = asked["limit"] or 0, asked["before"]
        recent = self.views.recent
        page: Page = recent.alerts_page(limit, before) if alerts else recent.latest_page(limit, before)
        field = "alerts" if alerts else "decisions"
        return Answer(
            {field: page.decisions, "next_before": page.next_before, "workers": list(self.views.peers())}
        )

    async def _elsewhere(self, path: str) -> Answer | None:
        try:
            found = await peers.ask(self.views.peers(), path, self._peer_headers)
        except peers.PeerUnavailable as error:
            message = "It is not on this worker, and another worker did not answer; try again."
            raise PageError(503, "worker-unavailable", message) from error
        return None if found is None else Answer({**found[1], "worker": found[0]})


def _unknown_card(sentence: str, token: str) -> PageError:
    return PageError(404, "not-found", sentence, f"/archive?card={token}")


def _ten_minutes(activity: Any, decimals: int) -> dict[str, Any]:
    """Sum up the payments in the ten minutes that end at the card's newest one; refunds are shown and not counted."""
    newest_ms = max((event_time_ms for event_time_ms, _ in activity), default=None)
    inside = [] if newest_ms is None else [row for row in activity if newest_ms - row[0] <= WINDOW_MS]
    units = units_of(decimals)
    spent = [cents for _, cents in inside if cents >= 0]
    return {
        "until": newest_ms,
        "count": len(spent),
        "amount": sum(spent) / units,
        "mean_amount": round(sum(spent) / units / len(spent), decimals) if spent else None,
        "payments": [{"event_time": time_ms, "amount": cents / units} for time_ms, cents in reversed(inside)],
    }
