"""The only wiring: settings and ports in, a Faust app out. Nothing is created at import."""

import logging
import socket
from dataclasses import dataclass
from functools import partial
from typing import Any

import faust

from fraudstream import agents, topics, web
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.coalescing_consumer import coalesce
from fraudstream.adapters.kafka.fixed_assignor import FixedAssignor
from fraudstream.adapters.kafka.group_event_types import Member, require_same_event_type
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.releases.telling import answer
from fraudstream.adapters.schema_registry import schemas_of
from fraudstream.adapters.weekly.stores import weekly_store
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import entity_index
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.model import Model
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.monitor.observing import Observer
from fraudstream.monitor.watches import ArchiveWatch, NightlyWatch, WeeklyWatch, look_now_and_then
from fraudstream.process.exits import EXIT_CRASH, end_soon
from fraudstream.process.own_place import require_free_port, take_directory
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from fraudstream.state.preflight import LogCheck
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_scrub import require_writable
from fraudstream.tables.recovery import TableManager

logger = logging.getLogger(__name__)

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
"""Addresses that a server can bind to but other workers cannot connect to."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a worker needs from outside; tests pass fakes that satisfy the same contracts."""

    weekly: WeeklyStore
    model: Model

    @classmethod
    def of(cls, settings: Settings) -> "Ports":
        """Return the weekly store that is set and the model files below `data_dir`."""
        return cls(weekly_store(settings), load_model(Registry.of(settings), settings.model))


class Topic(faust.Topic):
    """A topic, or several that one agent reads; Faust's commands ask each agent for its topic's name and expect one."""

    def get_topic_name(self) -> str:
        """Return the names."""
        return ",".join(self.topics)


class App(faust.App):
    """A Faust app that has its topics, its publisher and its weekly store before its agents start."""

    logger = logging.getLogger("faust.app")  # Faust's own messages, apart from ours
    fraudstream_settings: Settings
    publisher: Publisher
    releases: agents.ReleaseTopic
    lists: agents.ListTopic
    shadow_topic: agents.ShadowTopic
    weekly: WeeklyStore
    member: Member
    state_lock: int
    """The open lock of the state directory, held until the process ends."""

    async def on_first_start(self) -> None:
        """Lock the state directory, check the port, create missing topics, connect publisher and weekly store, load releases."""
        settings = self.fraudstream_settings
        require_writable(settings.worker_state_dir)
        self.state_lock = take_directory(settings.worker_state_dir)
        if settings.web:
            require_free_port(settings.web_host, self.conf.web_port)
        await ensure_topics(settings)
        await require_same_event_type(settings, self.member)
        await self.publisher.start()
        await self.publisher.learn(topics.outputs(settings))
        await self.weekly.connect()
        await self.lists.start()
        await self.releases.start()
        await super().on_first_start()

    async def stop(self) -> None:
        """Stop within a few seconds: Faust would wait for brokers that do not answer."""
        if not self._stopped.is_set():
            end_soon(lambda: EXIT_CRASH if self.crashed else 0)
        await super().stop()

    async def on_stop(self) -> None:
        """Disconnect publisher and weekly store after everything that uses them has stopped."""
        await super().on_stop()
        await self.releases.stop()
        await self.lists.stop()
        await self.shadow_topic.stop()
        await self.publisher.stop()
        await self.weekly.close()


def create_app(settings: Settings, ports: Ports) -> App:
    """Build a worker: topics, table, agent, pages. Raises SetupError if model, rules or settings do not fit."""
    login = web_login(settings)
    event_type = event_type_named(settings.event_type)
    detector = Detector.of(ports.model, event_type, settings.fraud_threshold)
    schemas = schemas_of(event_type, settings)
    entities = entity_index(event_type, settings.tokenizer(), settings.partitions)
    kafka = Kafka.of(settings)
    app = App(settings.app_id, **kafka.faust_settings, **faust_settings(settings))
    app.fraudstream_settings = settings
    app.member = Member.of(event_type)
    app.publisher = Publisher(kafka, f"{settings.app_id}-publisher", settings.publish_patience_s)
    app.weekly = ports.weekly
    losses = LogLosses()
    table = ActivityTable(
        app,
        allowed_lateness_ms=settings.lateness_horizon_s * 1000,
        name=topics.ACTIVITY_TABLE,
        partitions=settings.partitions,
        stall_timeout_s=settings.stall_timeout_s,
        check_logs=LogCheck(settings, losses),
        windows=event_type.windows,
    )
    app.tables.add(table)
    sources = topics.sources(settings)
    coalesce(
        app,
        sources,
        [topics.changelog(settings).name],
        settings.chunk_rows_max,
        losses,
        offsets_in_transactions=settings.exactly_once_outputs,
    )
    logger.info(
        "event type %s, model %s, rules %s",
        event_type.name,
        detector.model.version,
        detector.ruleset.version,
    )
    observer = Observer(
        app, table, ports.weekly, detector, event_type, sources, settings.archive_place, losses
    )
    app.lists = agents.ListTopic(settings, ListTable(), bool(detector.ruleset.calls))
    releases = release_agents(app, settings, event_type, observer)
    to_decide = (event_type, entities, table, detector, ports.weekly)
    delivery = agents.attach(app, settings, *to_decide, observer.report, releases, schemas)
    observer.watches += [delivery.problems, releases.follower.problems, app.lists.problems]
    if schemas is not None:
        observer.watches.append(schemas.problems)
    agents.topic_watch.attach(app, settings, observer.watches, observer.metrics.undecided)
    watch(app, settings, event_type, ports.weekly, observer)
    if settings.web:
        front = web.Front.of(settings.web_base_path, settings.web_hosts, settings.web_proxies)
        views = observer.views()
        web.attach(app, views, builtin_pages=settings.web_builtin_pages, login=login, front=front)
        logger.info("pages at %s%s", str(app.conf.canonical_url).rstrip("/"), front.base_path)
    return app


def release_agents(
    app: App, settings: Settings, event_type: EventType, observer: Observer
) -> agents.ReleaseAgents:
    """Let the worker follow the control topic of releases, and let a challenger decide beside."""
    app.shadow_topic = agents.ShadowTopic(settings)
    shadow = agents.Shadow(settings.shadow_time_share, app.shadow_topic, observer.metrics)
    store = Releases.at(settings.models_place, event_type.name)
    loader = agents.ReleaseLoader(store, event_type, settings.release_dry_run_ms, observer.recent.encoded)
    worker = str(app.conf.canonical_url).rstrip("/").partition("://")[2]
    follower = agents.Follower(
        store,
        loader,
        worker,
        partial(answer, settings),
        observer,
        agents.Challenging(shadow, event_type, app.lists.table),
    )
    app.releases = agents.ReleaseTopic(settings, follower)
    return agents.ReleaseAgents(follower, shadow, app.lists)


def watch(
    app: App, settings: Settings, event_type: EventType, weekly: WeeklyStore, observer: Observer
) -> None:
    """Schedule the nightly job, and add the watches to the health; without an entity there are no weeks."""
    loaded = settings.weekly_store != "snapshot"
    weeks = WeeklyWatch(weekly, observer.timeline, loaded=loaded) if event_type.entity else None
    asking = [each for each in (weeks, ArchiveWatch(settings)) if each is not None]
    observer.watches += asking
    if settings.web:
        look_now_and_then(app, asking)
    if weeks is not None and settings.nightly_cron is not None:
        night = NightlyWatch(settings.nightly_cron, lambda: weeks.up_to_date, loaded=loaded)
        observer.watches.append(night)

        def ended(result: str) -> None:
            night.ended(result)
            if result != agents.nightly.ELSEWHERE:
                observer.metrics.nightly(result)

        agents.nightly.attach(app, settings, ended)


def web_login(settings: Settings) -> web.Login | None:
    """Return the login of the pages, None if they need none or there are none; raises SetupError."""
    if not settings.web:
        return None
    return web.Login.wanted(
        settings.web_host, settings.web_users_file, settings.web_token_file, settings.web_without_login
    )


def faust_settings(settings: Settings) -> dict[str, Any]:
    """Return Faust's settings; those that differ from its defaults do so for a reason given here."""
    return {
        "datadir": str(settings.worker_state_dir),
        "store": "rocksdb://",
        "TableManager": TableManager,
        "processing_guarantee": "at_least_once",  # exactly once is ours; Faust's loses table state
        "topic_partitions": settings.partitions,
        "PartitionAssignor": FixedAssignor,
        "Topic": Topic,
        "topic_replication_factor": settings.replication,
        "topic_allow_declare": False,  # topics.py says what exists
        "topic_disable_leader": True,
        "table_standby_replicas": 0,  # recovery reads 300,000 changelog records a second; a standby doubles the memory
        "stream_buffer_maxsize": 64,  # counts chunks, not records
        "stream_wait_empty": True,  # a rebalance waits for the micro-batch in flight
        "broker_max_poll_records": 4096,
        "broker_commit_interval": settings.commit_interval_s,
        "broker_commit_every": 1_000_000,  # counts chunks; the interval decides
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": settings.session_timeout_s / 5,
        "broker_request_timeout": max(30.0, settings.session_timeout_s),
        "broker_rebalance_timeout": 30.0,  # 60 would be a minute of silence after a kill
        "producer_request_timeout": 120.0,  # 1200 would hide a dead broker for 20 minutes
        "consumer_auto_offset_reset": "none",  # adapters/kafka/fetching.py says where to begin
        "web_enabled": settings.web,
        "web_bind": settings.web_host,
        "web_port": settings.web_port or free_port(settings.web_host),
        "web_host": socket.gethostname() if settings.web_host in WILDCARDS else settings.web_host,
    }
