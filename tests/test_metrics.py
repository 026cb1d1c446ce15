"""The metrics table, and what a scrape shows."""

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fraudstream.metrics import METRICS, PROCESS_METRICS, BatchReport, Histogram, Metrics
from fraudstream.metrics.histogram import FEW


def a_report(**changed: object) -> BatchReport:
    """A micro-batch of four payments, one of them blocked."""
    values: dict[str, object] = {
        "payments": 4,
        "outcomes": {"approve": 3, "block": 1},
        "latency_ms": np.array([1.0, 2.0, 3.0, 70_000.0]),
        "finished_at": 1_000.5,
    }
    return BatchReport(**{**values, **changed})  # type: ignore[arg-type]


def scraped(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Parse the exposition as Prometheus would."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_batch_is_counted_by_outcome_reason_and_place():
    """Counters add up over batches; a gauge shows the last value."""
    metrics = Metrics("0.1.0", "m1", "r1")
    for _ in range(2):
        metrics.batch(
            a_report(
                degraded={"late": 1},
                dead_letters={"not-json": 2},
                repartitioned=3,
                offsets={("transactions", 0): (9, 12), ("transactions", 1): (5, None)},
            )
        )
    seen = scraped(metrics)

    assert 6 == seen["fraudstream_payments_total", (("outcome", "approve"),)]
    assert 2 == seen["fraudstream_payments_total", (("outcome", "block"),)]
    assert 2 == seen["fraudstream_degraded_total", (("reason", "late"),)]
    assert 4 == seen["fraudstream_dead_letters_total", (("reason", "not-json"),)]
    assert 6 == seen["fraudstream_forwarded_total", ()]
    assert 2 == seen["fraudstream_source_lag", (("partition", "0"), ("topic", "transactions"))]
    assert ("fraudstream_source_lag", (("partition", "1"), ("topic", "transactions"))) not in seen
    assert 1000.5 == seen["fraudstream_last_progress_timestamp_seconds", ()]
    assert (
        1
        == seen[
            "fraudstream_info", (("model_version", "m1"), ("ruleset_version", "r1"), ("version", "0.1.0"))
        ]
    )


def test_undeclared_fields_are_counted_by_the_first_names_and_then_together():
    """Each name is a time series, and producers may send any number of them."""
    metrics = Metrics()
    metrics.batch(a_report(undeclared={f"field_{number}": 1 for number in range(40)}))
    metrics.batch(a_report(undeclared={"field_0": 2, "field_39": 5, "": 1}))
    seen = scraped(metrics)

    counts = {dict(labels)["field"]: value for (name, labels), value in seen.items() if "undeclared" in name}
    assert {f"field_{number}": 1 for number in range(1, 32)} | {"field_0": 3, "(other)": 14} == counts


def test_latency_is_a_cumulative_histogram_in_seconds():
    """A value on a bound belongs below it; what is longer than all bounds is only in +Inf."""
    metrics = Metrics()
    metrics.batch(a_report())
    seen = scraped(metrics)

    assert 1 == seen["fraudstream_decision_latency_seconds_bucket", (("le", "0.001"),)]
    assert 3 == seen["fraudstream_decision_latency_seconds_bucket", (("le", "60.0"),)]
    assert 4 == seen["fraudstream_decision_latency_seconds_bucket", (("le", "+Inf"),)]
    assert 4 == seen["fraudstream_decision_latency_seconds_count", ()]
    assert 70.006 == pytest.approx(seen["fraudstream_decision_latency_seconds_sum", ()])
    assert 1 == seen["fraudstream_batch_payments_bucket", (("le", "4.0"),)]


def test_a_clock_that_runs_ahead_never_lowers_a_sum():
    """A sum is a counter: Prometheus takes a drop for a restart."""
    metrics = Metrics()
    metrics.batch(a_report(latency_ms=np.array([-5.0, float("nan"), 1.0, 1.0])))
    seen = scraped(metrics)

    assert 4 == seen["fraudstream_decision_latency_seconds_count", ()]
    assert 0.002 == pytest.approx(seen["fraudstream_decision_latency_seconds_sum", ()])


def test_every_stage_has_its_own_histogram():
    """Stages are observed once per micro-batch."""
    metrics = Metrics()
    metrics.batch(a_report(stage_ms={"parse": 0.2, "publish": 3.0}))
    metrics.batch(a_report(stage_ms={"parse": 0.4}))
    seen = scraped(metrics)

    assert 2 == seen["fraudstream_stage_seconds_count", (("stage", "parse"),)]
    assert 0.003 == seen["fraudstream_stage_seconds_sum", (("stage", "publish"),)]


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 5_000])
def test_counting_an_array_equals_counting_its_values(count: int):
    """The bulk path is only faster; so is that for few."""
    values = np.random.default_rng(1).lognormal(0, 3, count)
    bulk, single = Histogram((0.1, 1.0, 10.0)), Histogram((0.1, 1.0, 10.0))
    bulk.add_many(values)
    for value in values:
        single.add(float(value))

    assert single.cumulative() == bulk.cumulative()
    assert single.total == pytest.approx(bulk.total)


def test_the_lag_of_partitions_that_went_elsewhere_disappears():
    """A revoked partition's last lag would be a false alarm for ever."""
    metrics = Metrics()
    metrics.batch(a_report(offsets={("transactions", 0): (9, 12), ("transactions", 1): (5, 6)}))
    metrics.lags({("transactions", 1): 4})
    seen = scraped(metrics)

    assert {4.0} == {value for (name, _), value in seen.items() if name == "fraudstream_source_lag"}
    assert 1 == len([name for name, _ in seen if name == "fraudstream_source_offset"])


def test_what_is_exposed_is_exactly_what_is_declared():
    """Dashboards and rules are checked against the table."""
    metrics = Metrics()
    metrics.batch(a_report())
    families = {
        family.name: family for family in text_string_to_metric_families(metrics.exposition().decode())
    }

    assert {m.name.removesuffix("_total") for m in METRICS} == {
        n for n in families if n.startswith("fraudstream_")
    }
    for metric in METRICS:
        assert metric.type == families[metric.name.removesuffix("_total")].type
        assert metric.help == families[metric.name.removesuffix("_total")].documentation
        assert metric.help.endswith(".")
    others = {
        family.samples[0].name for name, family in families.items() if not name.startswith("fraudstream_")
    }
    assert set() == others - set(PROCESS_METRICS)
