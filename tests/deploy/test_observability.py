"""Prometheus' configuration and rules, and Grafana's dashboard: valid, and only about metrics that exist."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fraudstream.metrics import METRICS, PROCESS_METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/fraudstream.json").read_text())
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None and not os.environ.get("CI"), reason="needs promtool: apt-get install prometheus"
)


def series() -> set[str]:
    """Every series name a scrape can hold."""
    names = {"up", *PROCESS_METRICS}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        names |= {metric.name + suffix for suffix in suffixes}
    return names


def labels() -> set[str]:
    """Every label of ours and of Prometheus' own."""
    return {label for metric in METRICS for label in metric.labels} | {"instance", "job", "le"}


def queries() -> Iterator[tuple[str, str]]:
    """Every PromQL expression of rules and dashboard, with where it stands."""
    for rule in RULES["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def names_in(expression: str) -> set[str]:
    """Return the metric names of a PromQL expression: words that are neither functions, keywords nor labels."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", expression)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"\b[a-z_:][a-z0-9_:]*\b(?!\s*\()", bare)
    return set(words) - {"and", "or", "unless", "by", "sum", "max", "offset"}


@pytest.mark.parametrize(("where", "expression"), list(queries()))
def test_queries_name_only_metrics_and_labels_that_exist(where: str, expression: str):
    """A renamed metric turns a dashboard blank and an alarm silent."""
    used = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"", expression))
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    used |= {label.strip() for group in grouped for label in group.split(",")}

    assert names_in(expression), where
    assert set() == names_in(expression) - series()
    assert set() == used - labels()


def test_every_metric_is_shown_or_watched():
    """What nobody looks at need not be collected."""
    looked_at = " ".join(expression for _, expression in queries())
    unseen = {metric.name for metric in METRICS if metric.name not in looked_at}

    assert {"fraudstream_source_offset"} == unseen


def test_panels_neither_overlap_nor_share_an_id():
    """24 columns, as Grafana counts them."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells

    assert len(DASHBOARD["panels"]) == len({panel["id"] for panel in DASHBOARD["panels"]})


def test_the_dashboard_asks_the_provisioned_data_source_and_is_where_grafana_looks():
    """Names in four files that must agree."""
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ][0]
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/fraudstream.yml").read_text())[
        "providers"
    ][0]
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}

    assert {source["uid"]} == used
    assert "http://prometheus:9090" == source["url"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]


def test_every_alert_says_what_happened_and_what_to_do():
    """For whoever is woken by it."""
    for rule in RULES["groups"][0]["rules"]:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith((".", "?"))


def promtool(*arguments: str) -> None:
    """Run promtool; its complaint is the test's."""
    assert PROMTOOL is not None, "needs promtool: apt-get install prometheus"
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


@needs_promtool
def test_prometheus_accepts_its_configuration():
    """Scrape configuration and rules, by Prometheus' own tool."""
    promtool("check", "config", str(DEPLOY / "prometheus/prometheus.yml"))


@needs_promtool
@pytest.mark.parametrize("file", ["rules_test.yml", "rules_of_weeks_test.yml"])
def test_alerts_fire_when_they_should_and_not_before(file: str):
    """Series in, alerts out."""
    promtool("test", "rules", str(DEPLOY / "prometheus" / file))


@needs_promtool
def test_the_dashboard_s_queries_are_promql(tmp_path: Path):
    """As recording rules, with Grafana's variables filled in."""
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    rules: list[dict[str, Any]] = [
        {
            "record": f"dashboard:query:{number}",
            "expr": text.replace("$__rate_interval", "1m").replace("$worker", ".*"),
        }
        for number, text in enumerate(expressions)
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(path))
