"""The image, built and run as docs/container.md says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from rotator import __version__
from tests.documented import documented
from tests.e2e.account import FOR_EVER, Account
from tests.e2e.program import TOKEN
from tests.system.containers.docker import Docker, configure
from tests.system.containers.podman import IMAGE, USER, Podman

# The first one may have to wait for the base image, the image and another worker that makes them.
pytestmark = pytest.mark.timeout(300)


class TestImage:
    def test_runs_without_an_account_and_without_a_network(self, podman: Podman) -> None:
        command = documented(
            "docs/container.md",
            "docker run --rm --read-only --tmpfs /tmp --cap-drop all rotator once --sandbox "
            "-c /usr/share/rotator/config.example.yaml",
        )
        done = podman("run", "--network=none", *shlex.split(command.replace(" rotator ", f" {IMAGE} ", 1))[2:])
        assert "5 servers" in done.out
        assert "snapshot_created" in done.events, "the log is JSON on standard error"

    def test_holds_exactly_what_the_bill_of_materials_says(self, docker: Docker) -> None:
        command = documented(
            "docs/container.md",
            "docker run --rm --entrypoint cat rotator /usr/share/rotator/sbom.cdx.json > sbom.cdx.json",
        )
        listed = json.loads(docker(command.removesuffix(" > sbom.cdx.json")).out)["components"]
        script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
        found = docker.podman(
            "run", "--rm", "--entrypoint", "/opt/rotator/bin/python", IMAGE, "-Ic", script
        ).out.split()
        installed = {_canonical(each) for each in found}
        assert installed == {f"vps-rotator=={__version__}", *(f"{each['name']}=={each['version']}" for each in listed)}

    def test_labels_say_what_it_is(self, podman: Podman) -> None:
        labels = podman.inspect(IMAGE)["Labels"]
        prefix = "org.opencontainers.image."
        assert (labels[f"{prefix}title"], labels[f"{prefix}licenses"]) == ("rotator", "MIT")
        assert labels[f"{prefix}version"] == "1.2.3"
        assert all(
            f"{prefix}{name}" in labels for name in ("description", "documentation", "source", "revision", "created")
        )

    def test_is_not_root_and_declares_its_volume(self, podman: Podman) -> None:
        config = podman.inspect(IMAGE)["Config"]
        assert config["User"] == f"{USER}:{USER}"
        assert [*config["Volumes"]] == ["/var/lib/rotator"]


class TestService:
    def test_installed_and_run_as_documented(self, podman: Podman, account: Account, tmp_path: Path) -> None:
        etc = tmp_path / "etc"
        for command in (
            documented("docs/container.md", "sudo install -D -m 0644 config.yaml /etc/rotator/config.yaml"),
            documented("docs/container.md", "sudo install -m 0400 -o 10001 token /etc/rotator/token"),
        ):
            command = command.removeprefix("sudo ").replace("/etc/rotator", str(etc))
            subprocess.run(shlex.split(command), cwd=account.home, check=True)
        docker = Docker(podman, etc)
        checked = docker(
            documented("docs/container.md", "docker run --rm -v /etc/rotator:/etc/rotator:ro rotator check")
        )
        assert "web-server-01" in checked.out
        docker.start()
        docker.wait_for("snapshot_completed")
        assert account.names() == account.expected(0)
        (line,) = docker(documented("docs/container.md", "docker logs --tail 20 rotator")).log[-1:]
        assert {"timestamp", "level", "event"} <= line.keys()
        status = docker(documented("docs/container.md", "docker exec rotator rotator status"))
        assert "web-server-01" in status.out
        assert docker.stop() < 10

    def test_has_no_rights_and_writes_nowhere_else(self, docker: Docker) -> None:
        docker.start()
        docker.wait_for("daemon_started")
        found = docker.shell("grep -E '^(Uid|Cap|NoNewPrivs)' /proc/1/status; tr '\\0' ' ' < /proc/1/cmdline").out
        assert re.search(rf"^Uid:\t{USER}\t{USER}\t{USER}\t{USER}$", found, re.MULTILINE)
        assert {*re.findall(r"^Cap\w+:\t(\w+)$", found, re.MULTILINE)} == {"0" * 16}
        assert "NoNewPrivs:\t1" in found
        assert found.endswith("/opt/rotator/bin/rotator run ")
        assert docker.shell("touch /opt/rotator/x", check=False).code != 0
        written = docker.shell("find / -xdev -user 10001 -type f -newer /proc/1 2>/dev/null; ls /tmp").out
        assert written.split() == ["rotator"]

    def test_token_is_nowhere_to_be_seen(self, docker: Docker) -> None:
        docker.start()
        docker.wait_for("pass_finished")
        docker.podman("inspect", docker.name)  # each of these fails if it shows the token
        docker.podman("logs", docker.name)
        places = "/tmp /var/lib/rotator /proc/1/environ /proc/1/cmdline"
        assert docker.shell(f"grep -raF {TOKEN} {places}", check=False).code == 1, "found"

    def test_hup_reads_the_changed_configuration_unless_it_has_a_mistake(
        self, docker: Docker, account: Account
    ) -> None:
        docker.start()
        docker.wait_for("pass_finished")
        configure(account, keep=2)
        docker(documented("docs/container.md", "docker kill -s HUP rotator"))
        docker.wait_for("config_loaded", times=2)
        configure(account, keep="some")
        docker("docker kill -s HUP rotator")
        docker.wait_for("config_rejected")

    def test_sigterm_ends_it_while_a_snapshot_is_in_progress(self, docker: Docker, account: Account) -> None:
        account.cloud.create_time = FOR_EVER
        docker.start()
        docker.wait_for("snapshot_created")
        assert docker.stop() < 10

    def test_history_is_kept_over_an_upgrade(self, docker: Docker, account: Account) -> None:
        docker.start()
        docker.wait_for("snapshot_completed")
        docker.stop()
        docker.start()
        docker.wait_for("daemon_started")
        history = docker(documented("docs/container.md", "docker exec rotator rotator history --since 30d")).out
        assert account.name(0) in history
        assert account.created == 1

    def test_another_user_without_a_state_rotates_and_is_told(self, podman: Podman, account: Account) -> None:
        os.chown(account.token_file, 54321, 54321)
        mount = f"{account.home}:/etc/rotator:ro"
        token = "ROTATOR_API_TOKEN_FILE=/etc/rotator/token"
        options = (
            "--rm",
            "--network=host",
            "--read-only",
            "--cap-drop=all",
            "--user=54321:54321",
            "-v",
            mount,
            "-e",
            token,
        )
        done = podman("run", *options, IMAGE, "once")
        assert account.names() == account.expected(0)
        assert any("/var/lib/rotator" in str(line) for line in done.log if line["level"] in {"warning", "error"})


class TestHealth:
    def test_healthy_while_the_loop_turns_even_if_a_server_fails(self, docker: Docker, account: Account) -> None:
        account.plant_foreign("one", "two", "three", "four", "five")
        docker.start()
        docker.wait_for("rotation_blocked")
        docker.podman("healthcheck", "run", docker.name)
        shown = docker(documented("docs/container.md", "docker inspect --format '{{.State.Health.Status}}' rotator"))
        assert shown.out == "healthy\n"

    def test_fails_when_the_loop_stands_still(self, docker: Docker) -> None:
        docker.start()
        docker.wait_for("pass_finished")
        docker.podman("kill", "--signal", "STOP", docker.name)
        docker.podman("healthcheck", "run", docker.name)  # not yet for long
        # Instead of waiting for minutes: what the loop did last was ten minutes ago.
        docker.shell("find /tmp/rotator -type f -exec touch -d '10 minutes ago' {} +")
        assert docker.podman("healthcheck", "run", docker.name, check=False).code == 1
        docker.podman("kill", "--signal", "CONT", docker.name)

    def test_fails_when_no_daemon_runs(self, podman: Podman) -> None:
        name = f"{podman.prefix}-idle"
        podman("run", "--detach", "--name", name, "--entrypoint", "sleep", IMAGE, "60")
        assert podman("healthcheck", "run", name, check=False).code == 1


def _canonical(pinned: str) -> str:
    name, _, version = pinned.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name.lower())}=={version}"
