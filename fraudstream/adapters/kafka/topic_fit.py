"""Checks that the topics fit the workers and each other, by the same rules at the start and while a worker runs.

The changelog's partitions are the number a group was made for: its records are the cards' state by partition. More partitions
of other topics do no harm to payments on the old ones.
"""

from collections.abc import Iterator, Mapping

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.problems import Problem
from fraudstream.settings import Settings

Configs = Mapping[str, Mapping[str, str]]
"""Topic -> its configuration."""


def misfit(counts: Mapping[str, int], configs: Configs, settings: Settings) -> str | None:
    """Say why a worker cannot start with the topics that exist (name -> partitions), and what to do; None if it can."""
    wrong_policies = (f"{what}: {remedy}" for what, remedy in _wrong_policies(configs, settings))
    return _wrong_partitions(counts, settings) or next(wrong_policies, None)


def _wrong_partitions(counts: Mapping[str, int], settings: Settings) -> str | None:
    if not counts:
        return None
    wanted, widest, log = settings.partitions, max(counts.values()), topics.changelog(settings).name
    made_for = counts.get(log)
    if made_for == wanted and all(count >= wanted for count in counts.values()):
        return None  # more partitions are reported while it runs
    different = [log] if made_for not in (None, wanted) else []
    different += [
        name for name, count in counts.items() if count < wanted or (count > wanted and not made_for)
    ]
    if not different:
        return None
    name = different[0]
    return f"topic {name} has {counts[name]} partitions, but the settings say {wanted}; " + (
        _grow(max(widest, wanted))
        if min(counts.values()) < widest or (made_for == wanted)
        else f"set FRAUDSTREAM_PARTITIONS={widest}"
        + (f", or to have {wanted}, {_grow(wanted)}" if wanted > widest else "")
    )


def _grow(partitions: int) -> str:
    """Return what to do to get this many partitions."""
    return (
        f"stop all workers, run `fraudstream topics grow {partitions}`, and start them with "
        f"FRAUDSTREAM_PARTITIONS={partitions}"
    )


def _wrong_policies(configs: Configs, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield cleanup policies that would lose records, and the command that corrects each."""
    for name, topic in topics.all_topics(settings).items():
        policy, actual = topic.configs()["cleanup.policy"], configs.get(name, {}).get("cleanup.policy")
        if actual not in (None, policy):
            what = f"topic {name} has cleanup.policy={actual}, which would lose records; it must be {policy}"
            yield what, _configure(settings, name, f"cleanup.policy={policy}")


def _configure(settings: Settings, name: str, config: str) -> str:
    return (
        f"kafka-configs --bootstrap-server {settings.broker} --alter --entity-type topics --entity-name {name} "
        f"--add-config {config}"
    )


def undecided(counts: Mapping[str, int], settings: Settings) -> dict[str, list[int]]:
    """Return the partitions of the payments' topics that lie beyond those the group was made for."""
    return {name: list(range(settings.partitions, counts.get(name, 0))) for name in topics.sources(settings)}


def problems(counts: Mapping[str, int], configs: Configs, settings: Settings) -> Iterator[Problem]:
    """Yield what is not as a running worker needs it."""
    sources = undecided(counts, settings)
    log = topics.changelog(settings).name
    for name, topic in topics.all_topics(settings).items():
        count, made_for = counts.get(name, 0), settings.partitions
        more = ", ".join(map(str, range(made_for, count)))
        shape = f"{name} has {count} partitions, but the group was created for {made_for}"
        if count == 0:
            needed = topic.name not in topics.NOT_NEEDED_TO_DECIDE
            yield Problem(
                "failing" if needed else "degraded", f"topic {name} was deleted", anew(settings, name)
            )
        elif count < made_for:
            yield Problem(
                "failing", f"{shape}: the topic was recreated with fewer partitions", _grow(made_for)
            )
        elif name in sources and more:
            yield Problem("failing", f"{shape}: payments on partitions {more} are not decided", _grow(count))
        elif name == log and more:
            yield Problem("degraded", f"{shape}: no worker can be started", _grow(count))
        elif more:
            yield Problem("degraded", f"{shape}: nothing is written to partitions {more}", _grow(count))
    for what, remedy in _wrong_policies(configs, settings):
        yield Problem("degraded", what, remedy)
    yield from _short_retention(configs, settings, (*sources, log))
    yield from _refused_times(configs, settings)


def remembered(settings: Settings) -> set[str]:
    """Return the topics whose offsets group and state remember."""
    return {*topics.sources(settings), topics.changelog(settings).name}


def anew(settings: Settings, name: str) -> str:
    """Return what to do about a topic that is gone."""
    if name == topics.changelog(settings).name:
        return "stop all workers, run `fraudstream state rebuild`, and start them"
    if name == settings.topic(topics.RELEASES.name):
        return "run `fraudstream releases publish`; until then workers go on with the releases they have"
    return "run `fraudstream topics create`, and start the workers again"


def _short_retention(configs: Configs, settings: Settings, names: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem for each topic that state is restored from and whose retention is shorter than the state."""
    bucket_ms = event_type_named(settings.event_type).windows.layout.bucket_ms
    held_ms = settings.lateness_horizon_s * 1000 + 2 * bucket_ms
    for name in names:
        kept_ms = int(configs.get(name, {}).get("retention.ms", -1))
        if 0 <= kept_ms < held_ms:
            wanted = topics.all_topics(settings)[name].retention_ms
            yield Problem(
                "degraded",
                f"topic {name} keeps records for {kept_ms} ms (retention.ms), but state reaches back {held_ms} ms",
                _configure(settings, name, f"retention.ms={wanted}"),
            )


def _refused_times(configs: Configs, settings: Settings) -> Iterator[Problem]:
    """Yield a problem if the repartitioned topic refuses payments that waited long.

    Apart from that, timestamps of what workers write only tell its age; repartitioned payments carry their own in a header.
    """
    name = settings.topic(topics.REPARTITIONED.name)
    config = configs.get(name, {})
    taken_ms = int(config.get("message.timestamp.before.max.ms", topics.REPARTITIONED.retention_ms))
    if (
        taken_ms < topics.REPARTITIONED.retention_ms
        and config.get("message.timestamp.type") != "LogAppendTime"
    ):
        yield Problem(
            "degraded",
            f"topic {name} refuses records older than {taken_ms} ms (message.timestamp.before.max.ms): payments that wait longer "
            "before they are repartitioned become dead letters",
            _configure(settings, name, "message.timestamp.type=LogAppendTime"),
        )
