"""What runs the image for an operator: the compose file and the Kubernetes manifests, each run by podman."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path

import pytest
import yaml

from tests.components import needs_component
from tests.documented import ROOT, documented
from tests.e2e.account import Account
from tests.e2e.program import TOKEN
from tests.system.containers.docker import Docker
from tests.system.containers.podman import IMAGE, Podman

# The first one may have to wait for the base image, the image and another worker that makes them.
pytestmark = pytest.mark.timeout(300)


class TestCompose:
    def test_up_and_down(self, docker: Docker, account: Account, tmp_path: Path) -> None:
        """podman-compose runs the file that the document names, with a network of its own and the API inside."""
        program = needs_component("podman-compose")
        file = yaml.safe_load(
            (ROOT / "docs" / "compose.yaml").read_text().replace("/etc/rotator:/", f"{account.home}:/")
        )
        service = file["services"]["rotator"]
        del service["build"], service["logging"]
        service |= {"image": IMAGE, "container_name": docker.name, "command": ["run", "--sandbox"]}
        file["volumes"]["state"]["name"] = volume = f"{docker.podman.prefix}-state"
        path = tmp_path / docker.podman.prefix / "compose.yaml"  # networks are named after the folder
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(file))

        def run(command: str) -> None:
            words = shlex.split(command.replace("docs/compose.yaml", str(path)))
            docker.podman.run([program, *words[2:]])

        run(documented("docs/container.md", "docker compose -f docs/compose.yaml up -d"))
        docker.wait_for("snapshot_completed")
        assert docker.shell("touch /opt/rotator/x", check=False).code != 0
        assert not docker.podman.inspect(docker.name)["EffectiveCaps"]
        run(documented("docs/container.md", "docker compose -f docs/compose.yaml down"))
        assert docker.podman("container", "exists", docker.name, check=False).code == 1
        docker.podman("volume", "exists", volume)


class TestKubernetes:
    def test_deployment_runs_with_its_config_map_secret_and_volume(
        self, podman: Podman, account: Account, tmp_path: Path
    ) -> None:
        """podman plays the manifests. Debian 12's (4.3) knows no `stringData`, and does not decode `data`."""
        names = ("configmap.yaml", "secret.yaml", "state.yaml", "deployment.yaml")
        config, secret, state, deployment = (
            yaml.safe_load((ROOT / "docs" / "kubernetes" / name).read_text()) for name in names
        )
        config["data"]["config.yaml"] = account.path.read_text()
        account.sandbox.token = base64.b64encode(TOKEN.encode()).decode()
        secret["data"] = {"token": account.sandbox.token}
        del secret["stringData"]
        pod = deployment["spec"]["template"]["spec"]
        pod["hostNetwork"] = True
        pod["containers"][0]["image"] = IMAGE
        for volume in pod["volumes"]:
            volume.get("emptyDir", {}).clear()
            volume.get("secret", {}).setdefault("optional", False)
        text = yaml.safe_dump_all([secret, config, state, deployment])
        for name in ("rotator-config", "rotator-token", "rotator-state"):
            text = text.replace(name, name.replace("rotator", podman.prefix))
        text = text.replace("name: rotator\n", f"name: {podman.prefix}\n")
        file = tmp_path / "all.yaml"
        file.write_text(text)
        podman("kube", "play", file)
        try:
            (name,) = podman(
                "ps", "--filter", f"name={podman.prefix}-pod", "--filter", f"ancestor={IMAGE}", "--format", "{{.Names}}"
            ).out.split()
            podman.wait_for(name, "snapshot_completed")
            podman("healthcheck", "run", name)
            found = podman.inspect(name)
            assert (found["HostConfig"]["ReadonlyRootfs"], found["EffectiveCaps"] or []) == (True, [])
            assert account.names() == account.expected(0)
        finally:
            podman("kube", "down", file)
