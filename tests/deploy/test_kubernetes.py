"""deploy/kubernetes, as far as it can be checked without a cluster: built by kustomize, held against Kubernetes' schemas."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from fraudstream.settings import Settings
from fraudstream.settings.variables import variable
from tests.commands.running import parse
from tests.deploy.compose import ROOT

KUBERNETES = ROOT / "deploy/kubernetes"
VARIANTS = ("base", "overlays/small", "overlays/without-volumes")
VERSIONS = ("1.30", "1.37")

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl builds the variants"),
]


@cache
def built(variant: str) -> list[dict[str, Any]]:
    """Return the resources that `kubectl apply -k` would send."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(KUBERNETES / variant)], capture_output=True, text=True, check=True
    )
    return list(yaml.safe_load_all(done.stdout))


def pods(variant: str) -> dict[str, dict[str, Any]]:
    """Return the pod's specification of everything that runs, by name."""
    found = {}
    for resource in built(variant):
        spec = resource.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            found[resource["metadata"]["name"]] = spec["template"]["spec"]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_resource_is_one_that_kubernetes_knows(variant: str, version: str):
    """Held strictly against the schemas of an older and a newer version: a misspelt field is an error."""
    for resource in built(variant):
        kubernetes_validate.validate(resource, version, strict=True)


def test_everything_runs_that_a_payment_and_people_need():
    """And the topics are made before."""
    assert {"api", "archive", "console", "nightly", "topics", "worker"} == set(pods("base"))


@pytest.mark.parametrize("name", ["api", "archive", "console", "nightly", "topics", "worker"])
def test_every_pod_runs_one_of_our_commands_with_options_it_has(name: str, tmp_path: Path):
    """Parsed by the command itself, not run."""
    (tmp_path / "archive").mkdir()
    (container,) = pods("base")[name]["containers"]
    program, *arguments = (word.replace("/data", str(tmp_path)) for word in container["args"])
    parse(arguments)

    assert "fraudstream" == program


def test_every_setting_is_one_that_there_is():
    """A misspelt one would be refused at the start."""
    (config,) = [each for each in built("base") if each["kind"] == "ConfigMap"]
    names = set(config["data"])
    for pod in pods("base").values():
        names |= {each["name"] for each in pod["containers"][0].get("env", [])}

    assert names <= {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_pod_may_do_more_than_it_must(variant: str):
    """What the namespace's `restricted` asks for, and a file system that cannot be written."""
    for name, pod in pods(variant).items():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert container["securityContext"]["readOnlyRootFilesystem"], name
        assert ["ALL"] == container["securityContext"]["capabilities"]["drop"], name
        assert not pod["automountServiceAccountToken"], name
        assert not pod["enableServiceLinks"], f"{name}: Kubernetes would set variables that are no settings"
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {
            claim["metadata"]["name"]
            for each in built(variant)
            if each["metadata"]["name"] == name
            for claim in each["spec"].get("volumeClaimTemplates", [])
        }
        assert mounted == {volume["name"] for volume in pod["volumes"]} | claimed, name


def test_workers_without_volumes_keep_their_state_in_the_pod():
    """So a new pod reads it from the changelog."""
    (worker,) = [
        each
        for each in built("overlays/without-volumes")
        if each["kind"] == "StatefulSet" and each["metadata"]["name"] == "worker"
    ]

    assert "volumeClaimTemplates" not in worker["spec"]
    assert any(
        volume["name"] == "state" and "emptyDir" in volume
        for volume in worker["spec"]["template"]["spec"]["volumes"]
    )
