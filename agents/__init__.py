"""Who consumes what and publishes where.

transactions, transactions-by-card -> scoring -> decisions, fraud-alerts, dead-letters, transactions-by-card
"""

from typing import Any

from fraudstream import topics
from fraudstream.agents.deciding import Decided, Decider
from fraudstream.agents.intake import Intake
from fraudstream.agents.scoring import Report, Scoring, Targets
from fraudstream.domain.detector import Detector
from fraudstream.domain.event_type import EventType
from fraudstream.domain.tokens import CardIndex
from fraudstream.domain.transaction import Parser
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.settings import Settings
from fraudstream.tables.activity import ActivityTable

__all__ = ["Decided", "Report", "attach"]


def attach(
    app: Any,
    settings: Settings,
    event_type: EventType,
    cards: CardIndex,
    table: ActivityTable,
    detector: Detector,
    weekly: WeeklyStore,
    report: Report,
) -> None:
    """Add the scoring agent to an app that has a publisher."""
    rekeyed = settings.topic(topics.BY_CARD.name)
    parser = Parser(event_type, cards, settings.future_tolerance_s * 1000)
    decider = Decider(table, weekly, detector, event_type.variables, rekeyed, settings.lookup_timeout_ms)
    targets = Targets(
        decisions=settings.topic(topics.DECISIONS.name),
        alerts=settings.topic(topics.ALERTS.name),
        dead_letters=settings.topic(topics.DEAD_LETTERS.name),
        by_card=rekeyed,
        changelog=topics.changelog(settings).name,
    )
    source = app.topic(
        settings.topic(topics.TRANSACTIONS.name),
        rekeyed,
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
        allow_empty=True,
    )

    async def scoring(stream: Any) -> None:
        """Decide payments: activity, week, features, model, rules."""
        await Scoring(
            app,
            Intake(parser),
            decider,
            app.publisher,
            targets,
            report,
            batch_rows_max=settings.batch_rows_max,
            pending_rows_max=settings.pending_rows_max,
            linger_ms=settings.linger_ms,
        ).run(stream)

    app.agent(source, name="scoring")(scoring)
