"""What the container is made from and run with: pinned lists, bill of materials, Dockerfile, compose, Kubernetes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from container.lock import BILL, BUILD, RUNTIME, build_needs, runtime_needs
from container.sbom import bill, packages
from rotator import __version__
from rotator.config import load
from tests.components import needs_component
from tests.documented import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LISTS = {RUNTIME: runtime_needs(PROJECT), BUILD: build_needs(PROJECT)}
MANIFESTS = sorted((ROOT / "docs" / "kubernetes").glob("*.yaml"))
USER = 10001

# Kubernetes versions that are still about, the newest known included.
VERSIONS = ("1.29", "1.33", kubernetes_validate.latest_version())


def manifest(name: str) -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "docs" / "kubernetes" / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def pod(name: str) -> dict[str, Any]:
    """The pod that a workload starts."""
    spec = manifest(name)["spec"]
    found = spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]
    assert isinstance(found, dict)
    return found


def dockerfile_value(name: str) -> str:
    """What the Dockerfile sets a variable to."""
    match = re.search(rf"\b{name}=(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert match, name
    return match[1]


class TestPinnedLists:
    @pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
    def test_every_package_has_one_version_and_hashes(self, path: Path) -> None:
        text = re.sub(r"\\\n", "", path.read_text(encoding="utf-8"))
        lines = [line for line in text.splitlines() if not re.match(r" *#", line)]
        assert len(lines) > 5
        for line in lines:
            assert re.fullmatch(r"[a-z0-9.-]+==[0-9a-z.]+( +--hash=sha256:[0-9a-f]{64})+", line), line

    @pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
    def test_everything_that_pyproject_asks_for_is_pinned_within_its_bounds(self, path: Path) -> None:
        pinned = {each.name: each.version for each in packages(path.read_text(encoding="utf-8"))}
        for need in map(Requirement, LISTS[path]):
            name = canonicalize_name(need.name)
            assert name in pinned, f"{name} is not pinned: run container/lock.py"
            assert need.specifier.contains(pinned[name]), f"{name} {pinned[name]} is not {need}: run container/lock.py"

    @pytest.mark.parametrize("path", [*LISTS, BILL], ids=lambda path: path.name)
    def test_no_address_and_no_path_of_the_machine_that_made_it(self, path: Path) -> None:
        assert not re.findall(r"https?:|file:|--(?:index|find)|(?<![a-z0-9:@.-])/\w+", path.read_text(encoding="utf-8"))

    def test_nothing_is_pinned_that_nothing_needs(self) -> None:
        for path in LISTS:
            listed = packages(path.read_text(encoding="utf-8"))
            names = {"rotator", *(each.name for each in listed)}
            assert all(each.needed_by and names >= {*each.needed_by} for each in listed)


class TestBillOfMaterials:
    def test_is_the_one_of_the_pinned_list(self) -> None:
        made = bill(RUNTIME.read_text(encoding="utf-8"), __version__)
        assert BILL.read_text(encoding="utf-8") == made, "run container/lock.py"

    def test_is_valid_cyclonedx(self) -> None:
        problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(BILL.read_text(encoding="utf-8"))
        assert problem is None, problem

    def test_the_validation_finds_a_mistake(self) -> None:
        wrong = json.loads(BILL.read_text(encoding="utf-8")) | {"components": [{"name": "without a type"}]}
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong))

    def test_says_who_needs_whom(self) -> None:
        pinned = "a==1 \\\n    --hash=sha256:00\n    # via\n    #   rotator\n    #   b\nb==2 \\\n    # via rotator\n"
        depends = {each["ref"]: each["dependsOn"] for each in json.loads(bill(pinned, "1"))["dependencies"]}
        assert depends == {
            "rotator": ["pkg:pypi/a@1", "pkg:pypi/b@2"],
            "pkg:pypi/a@1": [],
            "pkg:pypi/b@2": ["pkg:pypi/a@1"],
        }


class TestDockerfile:
    def test_passes_the_linter(self) -> None:
        linter = Path(sys.executable).with_name("hadolint")
        done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stdout) == (0, "")

    def test_names_no_host(self) -> None:
        assert re.findall(r"^ARG BASE=(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["python:3.12-slim"]


class TestCompose:
    def test_passes_the_schema(self) -> None:
        program = needs_component("docker-compose")
        command = [program, "--file", str(ROOT / "docs" / "compose.yaml"), "config", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr

    def test_gives_what_the_documented_command_gives(self) -> None:
        service = yaml.safe_load((ROOT / "docs" / "compose.yaml").read_text())["services"]["rotator"]
        assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["ALL"])
        assert service["security_opt"] == ["no-new-privileges"]
        assert service["restart"] == "unless-stopped"


class TestKubernetes:
    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
    def test_manifest_passes_the_schema(self, path: Path, version: str) -> None:
        kubernetes_validate.validate(manifest(path.name), version, strict=True)

    def test_the_validation_finds_a_mistake(self) -> None:
        wrong = manifest("deployment.yaml")
        wrong["spec"]["replica"] = 1
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)

    def test_the_configuration_loads(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(manifest("configmap.yaml")["data"]["config.yaml"])
        assert load(path).warnings == ()

    def test_never_two_at_once(self) -> None:
        deployment, job = manifest("deployment.yaml")["spec"], manifest("cronjob.yaml")["spec"]
        assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
        assert job["concurrencyPolicy"] == "Forbid"
        assert job["jobTemplate"]["spec"]["backoffLimit"] == 0

    @pytest.mark.parametrize("name", ["deployment.yaml", "cronjob.yaml"])
    def test_runs_without_rights(self, name: str) -> None:
        found = pod(name)
        (container,) = found["containers"]
        assert found["automountServiceAccountToken"] is False
        assert found["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert f"USER {USER}:{USER}\n" in (ROOT / "Dockerfile").read_text()

    @pytest.mark.parametrize("name", ["deployment.yaml", "cronjob.yaml"])
    def test_mounts_are_where_the_image_looks(self, name: str) -> None:
        found = pod(name)
        (container,) = found["containers"]
        places = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert places[str(Path(dockerfile_value("ROTATOR_CONFIG")).parent)] == "config"
        assert places[dockerfile_value("STATE_DIRECTORY")] == "state"
        assert places[str(Path(dockerfile_value("RUNTIME_DIRECTORY")).parent)] == "tmp"
        (token,) = (Path(each["value"]) for each in container["env"] if each["name"] == "ROTATOR_API_TOKEN_FILE")
        assert (places[str(token.parent)], token.name) == ("token", *manifest("secret.yaml")["stringData"])

    @pytest.mark.parametrize("name", ["deployment.yaml", "cronjob.yaml"])
    def test_volumes_are_those_that_the_other_manifests_make(self, name: str) -> None:
        volumes = {volume["name"]: volume for volume in pod(name)["volumes"]}
        assert volumes["config"]["configMap"]["name"] == manifest("configmap.yaml")["metadata"]["name"]
        assert volumes["token"]["secret"]["secretName"] == manifest("secret.yaml")["metadata"]["name"]
        assert volumes["state"]["persistentVolumeClaim"]["claimName"] == manifest("state.yaml")["metadata"]["name"]

    def test_probes_are_the_health_check_of_the_image(self) -> None:
        (container,) = pod("deployment.yaml")["containers"]
        assert 'CMD ["rotator", "health"]' in (ROOT / "Dockerfile").read_text()
        for probe in ("livenessProbe", "readinessProbe"):
            assert container[probe]["exec"]["command"] == ["rotator", "health"]
