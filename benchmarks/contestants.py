"""Who takes part: how each program is started, on which topics, and whether it decides or only reads."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import xgboost as xgb

from benchmarks.children import Child, running
from benchmarks.peers.java.program import Program
from benchmarks.plan import Plan
from benchmarks.prepared import Prepared
from fraudstream import topics
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings

TITLES = {
    "fraudstream": "fraudstream, the full job",
    "kafka_streams": "Kafka Streams, the same job",
    "flink": "Apache Flink, the same job",
    "quix": "Quix Streams, the same job",
    "noop_agent": "Faust agent that does nothing",
    "floor": "aiokafka getmany alone",
}
"""Everybody who takes part, in the order in which they do."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of one contestant: everything that must not be shared with another start."""

    bootstrap: str
    group: str
    prefix: str
    """Put before the names of its topics."""
    directory: Path
    plan: Plan
    prepared: Prepared

    def topic(self, topic: topics.Topic) -> str:
        """Return the full name of one of its topics."""
        return f"{self.prefix}{topic.name}"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program and how it is started."""

    name: str
    decides: bool
    start: Callable[[Run], AbstractContextManager[Child]]

    @property
    def title(self) -> str:
        """What people are told it is."""
        return TITLES[self.name]


def fraudstream_with(worker_command: tuple[str, ...]) -> Contestant:
    """Our worker with everything on: changelog, decisions, alerts, dead letters, acks=all, pages and metrics."""

    def start(run: Run) -> AbstractContextManager[Child]:
        environment = {
            "FRAUDSTREAM_BROKER": run.bootstrap,
            "FRAUDSTREAM_APP_ID": run.group,
            "FRAUDSTREAM_TOPIC_PREFIX": run.prefix,
            "FRAUDSTREAM_DATA_DIR": str(run.prepared.data_dir),
            "FRAUDSTREAM_STATE_DIR": str(run.directory / "state"),
            "FRAUDSTREAM_PARTITIONS": str(run.plan.partitions),
            "FRAUDSTREAM_WEB_PORT": str(free_port("127.0.0.1")),
        }
        return running("fraudstream", worker_command, run.directory / "log", environment)

    return Contestant("fraudstream", decides=True, start=start)


def java_with(name: str, program: Program) -> Contestant:
    """The same job in Java; it reads the model from XGBoost's JSON."""

    def start(run: Run) -> AbstractContextManager[Child]:
        model = run.directory / "model.json"
        xgb.Booster(model_file=run.prepared.model_dir / "model.ubj").save_model(model)
        command = program.command({**_job(run), "model": model})
        return running(name, command, run.directory / "log")

    return Contestant(name, decides=True, start=start)


def _start_quix(run: Run) -> AbstractContextManager[Child]:
    return running("quix", _peer("quix_streams", _job(run)), run.directory / "log")


def _job(run: Run) -> dict[str, object]:
    """Return what a peer that does the whole job is told."""
    model = run.prepared.model_dir
    return {
        "bootstrap": run.bootstrap,
        "group": run.group,
        "transactions": run.topic(topics.TRANSACTIONS),
        "decisions": run.topic(topics.DECISIONS),
        "alerts": run.topic(topics.ALERTS),
        "dead-letters": run.topic(topics.DEAD_LETTERS),
        "model": model / "model.ubj",
        "manifest": model / "manifest.json",
        "weekly": run.prepared.weekly_json,
        "card-token-key": run.prepared.data_dir / "card-token.key",
        "state-dir": run.directory / "state",
    }


def _start_noop(run: Run) -> AbstractContextManager[Child]:
    arguments = {
        "bootstrap": run.bootstrap,
        "group": run.group,
        "topic": run.topic(topics.TRANSACTIONS),
        "events": run.plan.backlog["noop_agent"],
        "data-dir": run.directory / "state",
    }
    return running("noop_agent", _peer("noop_agent", arguments), run.directory / "log")


def _start_floor(run: Run) -> AbstractContextManager[Child]:
    arguments = {
        "bootstrap": run.bootstrap,
        "group": run.group,
        "topic": run.topic(topics.TRANSACTIONS),
        "events": run.plan.backlog["floor"] * run.plan.floor_passes,
        "per-pass": run.plan.preloaded,
    }
    return running("floor", _peer("floor", arguments), run.directory / "log")


def _peer(module: str, arguments: dict[str, object]) -> list[str]:
    options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    return [sys.executable, "-m", f"benchmarks.peers.{module}", *options]


QUIX = Contestant("quix", decides=True, start=_start_quix)
NOOP = Contestant("noop_agent", decides=False, start=_start_noop)
FLOOR = Contestant("floor", decides=False, start=_start_floor)


def topic_configs(prefix: str, plan: Plan) -> dict[str, dict[str, str]]:
    """Return the topics below a prefix as `fraudstream topics` makes them; decisions carry the broker's own clock."""
    settings = Settings(_env_file=None, topic_prefix=prefix, partitions=plan.partitions)
    configs = {settings.topic(topic.name): topic.configs() for topic in topics.TOPICS}
    configs[settings.topic(topics.DECISIONS.name)]["message.timestamp.type"] = "LogAppendTime"
    return configs
