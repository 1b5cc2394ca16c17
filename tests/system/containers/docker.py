"""The commands of docs/container.md, for a container of this test: podman in docker's place."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path
from typing import Any

from tests.documented import documented
from tests.e2e.account import Account
from tests.e2e.program import Finished
from tests.system.containers.podman import IMAGE, Podman


def configure(account: Account, **rules: Any) -> None:
    """Without the token's place: that comes by ROTATOR_API_TOKEN_FILE."""
    account.configure(account.server(**rules), api={"url": account.sandbox.url})


class Docker:
    """Runs documented commands for a container that meets this machine's loopback, and a folder as /etc/rotator."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman = podman
        self.name = f"{podman.prefix}-rotator"
        self._own = {"/etc/rotator:/": f"{folder}:/", "rotator-state:": f"{podman.prefix}-state:"}

    def __call__(self, command: str, *, check: bool = True) -> Finished:
        for documented_place, own in self._own.items():
            command = command.replace(documented_place, own)
        command = command.replace("--name rotator", f"--name {self.name}")
        docker, verb, rest = command.split(" ", 2)
        assert docker == "docker"
        host = ["--network=host"] if verb == "run" else []
        # What is left of that name is the image of `run` and the container of everything else; then comes the program.
        rest = re.sub(r"(?<!\S)rotator(?!\S)", IMAGE if verb == "run" else self.name, rest, count=1)
        return self.podman(verb, *host, *shlex.split(rest), check=check)

    def start(self) -> None:
        self(
            documented(
                "docs/container.md",
                "docker run -d --name rotator --restart unless-stopped --read-only --tmpfs /tmp --cap-drop all "
                "--security-opt no-new-privileges -v /etc/rotator:/etc/rotator:ro -v rotator-state:/var/lib/rotator "
                "-e ROTATOR_API_TOKEN_FILE=/etc/rotator/token rotator",
            )
        )

    def stop(self) -> float:
        """Stop and remove it; how many seconds the stop took."""
        started = time.monotonic()
        self(documented("docs/container.md", "docker stop rotator"))
        took = time.monotonic() - started
        state = self.podman.inspect(self.name)["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0)
        self(documented("docs/container.md", "docker rm rotator"))
        return took

    def wait_for(self, event: str, times: int = 1) -> None:
        self.podman.wait_for(self.name, event, times)

    def shell(self, script: str, *, check: bool = True) -> Finished:
        """Run a script in it."""
        return self.podman("exec", self.name, "sh", "-c", script, check=check)
