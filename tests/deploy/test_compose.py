"""docker-compose.yml, Dockerfile and the systemd unit, as far as they can be checked without an engine."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from fraudstream.app import web_login
from fraudstream.process.exits import FINAL
from fraudstream.settings import Settings
from tests.commands.running import parse
from tests.deploy.compose import ROOT, compose

COMPOSE = compose({})
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNIT = (ROOT / "deploy/systemd/fraudstream-worker.service").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def our_commands() -> list[tuple[str, list[str]]]:
    """Every `fraudstream …` that compose, image and unit run."""
    found = []
    for name, service in SERVICES.items():
        command = service.get("command", [])
        for line in command[-1].splitlines() if command[:1] == ["sh"] else [shlex.join(command)]:
            found += [
                (name, shlex.split(part)) for part in re.split(r"\|\||&&", line) if "fraudstream " in part
            ]
    found += [
        ("Dockerfile", json.loads(text)) for text in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    ]
    found += [("systemd", shlex.split(text)) for text in re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)]
    return found


@pytest.mark.parametrize(("where", "words"), our_commands())
def test_every_command_is_one_of_ours_with_options_it_has(where: str, words: list[str]):
    """Parsed by the command itself, not run."""
    assert "fraudstream" == Path(words[0]).name
    if words[1:] == ["--help"]:
        return
    parse(words[1:])


def test_compose_runs_the_whole_job():
    """Broker, preparation, worker, traffic, the console, and the three places to look."""
    wanted = {
        "archive",
        "kafka",
        "topics",
        "prepare",
        "worker",
        "nightly",
        "produce",
        "kafka-ui",
        "prometheus",
        "grafana",
        "console",
    }

    assert wanted == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_where_it_comes_from_and_knows_its_neighbours(name: str):
    """An image with a fixed version or one built here; everything it refers to exists."""
    service = SERVICES[name]
    if "build" in service:
        assert f" AS {service['build']['target']}\n" in DOCKERFILE
        assert service["read_only"] is True
        assert ["ALL"] == service["cap_drop"]
    else:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), "a version, not `latest`"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    for other in service.get("depends_on", []):
        assert other in SERVICES
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), "nothing is open to the network"


def test_who_is_waited_for_can_be_waited_for():
    """`service_healthy` needs a health check, `service_completed_successfully` an end."""
    for service in SERVICES.values():
        depends = service.get("depends_on", {})
        for other, how in depends.items() if isinstance(depends, dict) else []:
            if how["condition"] == "service_healthy":
                built = "build" in SERVICES[other] and "HEALTHCHECK" in DOCKERFILE
                assert "healthcheck" in SERVICES[other] or built
            if how["condition"] == "service_completed_successfully":
                assert "restart" not in SERVICES[other]


def test_a_wrong_set_up_is_not_started_for_ever():
    """Docker restarts whatever the exit code: ours are supervised by themselves where they wait for brokers, and bounded."""
    ours = {
        name: service for name, service in SERVICES.items() if "build" in service and "restart" in service
    }

    assert {"archive", "console", "nightly", "produce", "worker"} == set(ours)
    assert all(re.fullmatch(r"on-failure:\d+", service["restart"]) for service in ours.values())
    assert {"archive", "worker"} == {name for name, each in ours.items() if "--supervised" in each["command"]}


def test_every_setting_in_an_environment_is_a_setting():
    """A misspelled variable would silently do nothing."""
    given = {name for service in SERVICES.values() for name in service.get("environment", {})}
    given |= set(re.findall(r"FRAUDSTREAM_\w+(?==)", DOCKERFILE + UNIT))
    ours = {name for name in given if name.startswith("FRAUDSTREAM_")}

    assert len(ours) >= 5
    assert set() == ours - {f"FRAUDSTREAM_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_environments_make_valid_settings(name: str, monkeypatch: pytest.MonkeyPatch):
    """Values as well as names."""
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, value)

    assert "kafka:19092" == Settings(_env_file=None).broker


def test_the_worker_s_pages_start_without_login_because_only_this_machine_reaches_them(
    monkeypatch: pytest.MonkeyPatch,
):
    """Others cannot: the port is published to loopback; and neither file is needed to begin."""
    for variable, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(variable, value)

    assert web_login(Settings(_env_file=None)) is None
    assert ["127.0.0.1:6066:6066"] == SERVICES["worker"]["ports"]


def test_the_image_runs_as_nobody_special_and_is_watched_by_progress():
    """Not root, and /health instead of an open port."""
    users = re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE)

    assert ["10001"] == users
    assert "/health" in DOCKERFILE.split("HEALTHCHECK")[1]


def test_what_the_image_copies_is_there_and_let_through():
    """.dockerignore leaves out everything it does not name."""
    let_through = (ROOT / ".dockerignore").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in let_through, source


def test_the_unit_restarts_crashes_but_not_mistakes():
    """Exit code 2 is a set-up error that a restart does not mend; after all others it starts again, however often."""
    assert {0, 2} == FINAL
    assert "\nRestart=on-failure\n" in UNIT
    assert "\nRestartPreventExitStatus=2\n" in UNIT
    assert "\nStartLimitIntervalSec=0\n" in UNIT
    assert "\nNoNewPrivileges=yes\n" in UNIT
