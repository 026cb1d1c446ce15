"""Which topics a worker cannot start with, what it says, and what it tells of those that change while it runs."""

import pytest

from fraudstream.adapters.kafka.topic_fit import misfit, problems
from fraudstream.settings import Settings
from fraudstream.topics import all_topics, changelog

SETTINGS = Settings(_env_file=None, partitions=4, broker="kafka.example:9092")
LOG = changelog(SETTINGS).name
FOUR = dict.fromkeys(all_topics(SETTINGS), 4)
CONFIGS = {name: topic.configs() for name, topic in all_topics(SETTINGS).items()}
GROW_6 = "run `fraudstream topics grow 6`, and start them with FRAUDSTREAM_PARTITIONS=6"
GROW_4 = "run `fraudstream topics grow 4`, and start them with FRAUDSTREAM_PARTITIONS=4"


@pytest.mark.parametrize(
    ("counts", "wanted", "said"),
    [
        ({}, 4, None),
        (FOUR, 4, None),
        (FOUR | {"transactions": 6}, 4, None),
        (FOUR | {"transactions": 6}, 6, GROW_6),
        (dict.fromkeys(FOUR, 6) | {LOG: 4}, 6, GROW_6),
        (FOUR | {LOG: 6}, 4, GROW_6),
        (FOUR | {"decisions": 1}, 4, GROW_4),
        (FOUR | {LOG: 2}, 4, GROW_4),
        (dict.fromkeys(FOUR, 12), 4, "12 partitions, but the settings say 4; set FRAUDSTREAM_PARTITIONS=12"),
        (FOUR, 6, f"set FRAUDSTREAM_PARTITIONS=4, or to have 6, stop all workers, {GROW_6}"),
        ({"transactions": 12}, 4, "set FRAUDSTREAM_PARTITIONS=12"),
        ({"transactions": 6, "decisions": 4}, 4, GROW_6),
        ({"transactions": 6, "decisions": 4}, 6, GROW_6),
    ],
)
def test_every_shape_has_one_advice(counts: dict[str, int], wanted: int, said: str | None) -> None:
    """More payments' partitions than the group was made for are no reason not to start: the others are decided."""
    sentence = misfit(counts, {}, SETTINGS.model_copy(update={"partitions": wanted}))

    assert (said is None) == (sentence is None)
    assert said is None or said in str(sentence)


@pytest.mark.parametrize(
    ("counts", "severity", "sentence", "remedy"),
    [
        (
            FOUR | {"transactions": 6},
            "failing",
            "transactions has 6 partitions, but the group was created for 4: payments on partitions 4, 5 are not decided",
            GROW_6,
        ),
        (FOUR | {"transactions-by-card": 5}, "failing", "payments on partitions 4 are not decided", "grow 5"),
        (FOUR | {"decisions": 5}, "degraded", "nothing is written to partitions 4", "grow 5"),
        (FOUR | {LOG: 5}, "degraded", "no worker can be started", "grow 5"),
        (FOUR | {"fraud-alerts": 1}, "failing", "the topic was recreated with fewer partitions", GROW_4),
        (
            FOUR | {"transactions": 0},
            "failing",
            "topic transactions was deleted",
            "fraudstream topics create",
        ),
        (FOUR | {LOG: 0}, "failing", f"topic {LOG} was deleted", "fraudstream state rebuild"),
    ],
)
def test_a_topic_that_changes_its_shape_is_a_problem(
    counts: dict[str, int], severity: str, sentence: str, remedy: str
) -> None:
    """With the command that corrects it."""
    (problem,) = problems(counts, CONFIGS, SETTINGS)

    assert severity == problem.severity
    assert sentence in problem.sentence
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("name", "config", "sentence"),
    [
        ("transactions", {"cleanup.policy": "compact"}, "cleanup.policy=compact, which would lose records"),
        (LOG, {"cleanup.policy": "compact,delete"}, "it must be delete"),
        ("transactions", {"retention.ms": "60000"}, "keeps records for 60000 ms"),
        (LOG, {"retention.ms": "60000"}, "state reaches back"),
    ],
)
def test_a_topic_whose_configuration_changes_is_a_problem(
    name: str, config: dict[str, str], sentence: str
) -> None:
    """What Kafka removes too early is missed only later; the remedy is Kafka's own command, ready to be typed."""
    (problem,) = problems(FOUR, CONFIGS | {name: CONFIGS[name] | config}, SETTINGS)
    (option,) = config

    assert "degraded" == problem.severity
    assert sentence in problem.sentence
    assert problem.remedy.startswith("kafka-configs --bootstrap-server kafka.example:9092 --alter")
    assert problem.remedy.endswith(f"--entity-name {name} --add-config {option}={CONFIGS[name][option]}")


def test_kept_longer_or_for_ever_is_no_problem() -> None:
    """Only what state needs is asked for."""
    configs = {name: config | {"retention.ms": "-1"} for name, config in CONFIGS.items()}

    assert [] == list(problems(FOUR, configs, SETTINGS))


def test_a_broker_may_write_its_own_clock_into_every_topic() -> None:
    """Payments without a time are made when they arrive then; of all else it is the age only, and what is repartitioned has a header."""
    configs = {name: config | {"message.timestamp.type": "LogAppendTime"} for name, config in CONFIGS.items()}

    assert misfit(FOUR, configs, SETTINGS) is None
    assert [] == list(problems(FOUR, configs, SETTINGS))


def test_payments_too_old_to_be_repartitioned_are_a_problem_unless_the_broker_writes_their_time() -> None:
    """The remedy costs nothing: their own time is in a header."""
    name, limited = "transactions-by-card", {"message.timestamp.before.max.ms": "3600000"}
    (problem,) = problems(FOUR, CONFIGS | {name: CONFIGS[name] | limited}, SETTINGS)
    mended = CONFIGS[name] | limited | {"message.timestamp.type": "LogAppendTime"}

    assert "refuses records older than 3600000 ms" in problem.sentence
    assert problem.remedy.endswith(f"--entity-name {name} --add-config message.timestamp.type=LogAppendTime")
    assert [] == list(problems(FOUR, CONFIGS | {name: mended}, SETTINGS))
