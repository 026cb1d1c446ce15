"""Who consumes what and publishes where.

transactions, transactions-by-card -> scoring -> decisions, fraud-alerts, dead-letters, transactions-by-card
"""

from contextlib import closing
from typing import Any, NamedTuple

from fraudstream import topics
from fraudstream.adapters.kafka.leaving import leave
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactions import Transactions
from fraudstream.agents import nightly, topic_watch
from fraudstream.agents.assignment import Assignment
from fraudstream.agents.backlog import Backlog
from fraudstream.agents.delivery import AtLeastOnce, Delivery, ExactlyOnce
from fraudstream.agents.list_revisions import ListRevisions
from fraudstream.agents.list_topic import ListTopic
from fraudstream.agents.outputs import Outputs, Targets
from fraudstream.agents.quarantine import Quarantine
from fraudstream.agents.release_loader import ReleaseLoader
from fraudstream.agents.release_topic import ReleaseTopic
from fraudstream.agents.releases import Follower
from fraudstream.agents.reporting import Report, Reporter
from fraudstream.agents.scoring import Scoring
from fraudstream.agents.shadow import Challenging, Shadow, ShadowTopic
from fraudstream.agents.switching import Switcher
from fraudstream.deciding.dead_letters import DeadLetters
from fraudstream.deciding.decider import Decider
from fraudstream.deciding.intake import Intake
from fraudstream.deciding.payloads import Schemas
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser
from fraudstream.domain.tokens import EntityIndex
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.settings import Settings
from fraudstream.tables.activity import ActivityTable

__all__ = [
    "Challenging",
    "Follower",
    "ListTopic",
    "ReleaseAgents",
    "ReleaseLoader",
    "ReleaseTopic",
    "Report",
    "Shadow",
    "ShadowTopic",
    "attach",
    "nightly",
    "topic_watch",
]


class ReleaseAgents(NamedTuple):
    """What brings releases and lists to a worker, and what tries a challenger on its decisions."""

    follower: Follower
    shadow: Shadow
    lists: ListTopic


def attach(
    app: Any,
    settings: Settings,
    event_type: EventType,
    entities: EntityIndex,
    table: ActivityTable,
    detector: Detector,
    weekly: WeeklyStore,
    report: Report,
    releases: ReleaseAgents,
    schemas: Schemas | None = None,
) -> Delivery:
    """Add the scoring agent to an app that has a publisher; return how it makes its micro-batches durable."""
    parser = Parser(event_type, entities, settings.future_tolerance_s * 1000)
    decider = Decider(table, weekly, detector, event_type, lists=releases.lists.table)
    followed = releases.lists
    followed.rulesets = lambda: [each.detector.ruleset for each in decider.releases.values()]
    targets = Targets.of(settings, table.changelog_key)
    source = app.topic(
        *topics.sources(settings),
        key_type=bytes,
        key_serializer="raw",
        value_type=bytes,
        value_serializer="raw",
        allow_empty=True,
    )

    delivery, letters = delivery_of(app, settings), DeadLetters.of(event_type)

    async def scoring(stream: Any) -> None:
        """Decide payments: activity, week, features, model, rules."""
        backlog = Backlog(settings.batch_rows_max, settings.pending_rows_max, settings.linger_ms)
        intake, assignment = Intake(parser, schemas), Assignment(app)
        switcher = Switcher(
            decider,
            table,
            assignment,
            backlog,
            topics.sources(settings),
            event_type.entity is not None,
            releases.follower.needed,
            ListRevisions(followed.table, followed.rulesets, followed.reached),
        )
        releases.follower.attach(switcher)
        outputs, reporter = (
            Outputs(targets, assignment, letters, settings.partitions),
            Reporter(report, assignment, releases.shadow),
        )
        with closing(Quarantine(settings.worker_state_dir, letters)) as quarantine:
            await Scoring(
                assignment, intake, backlog, switcher, quarantine, decider, outputs, delivery, table, reporter
            ).run(stream)

    app.agent(source, name="scoring")(scoring)
    return delivery


def delivery_of(app: Any, settings: Settings) -> Delivery:
    """Return how micro-batches become durable; with exactly-once outputs, former owners are fenced at each rebalance."""
    if not settings.exactly_once_outputs:
        return AtLeastOnce(app.publisher)
    transactions = Transactions(
        Kafka.of(settings), settings.app_id, topics.outputs(settings), settings.publish_patience_s
    )
    delivery = ExactlyOnce(app.publisher, transactions)
    source = settings.topic(topics.TRANSACTIONS.name)

    async def take_over(*_: Any, **__: Any) -> None:
        """Fence the former owners; Faust awaits this before it reads the committed offsets."""
        try:
            await delivery.take_over({tp.partition for tp in app.consumer.assignment() if tp.topic == source})
        except Exception as error:  # noqa: BLE001 - without the fence a former owner could publish, too
            leave(error, "taking over the partitions")

    app.on_rebalance_complete.connect(take_over)
    return delivery
