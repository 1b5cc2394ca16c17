"""podman on this machine: a base image made from Debian's packages, rotator's image on it, and containers of it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.components import needs_component, needs_root
from tests.documented import ROOT
from tests.e2e.program import TOKEN, Finished, json_lines, until

BASE = "localhost/rotator-test-base:bookworm"
USER = 10001

# One image for each checkout, so that two do not replace each other's.
IMAGE = f"localhost/rotator-test:{hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:12]}"

_PLACE = Path(tempfile.gettempdir()) / f"rotator-test-containers-{os.getuid()}"
_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")

# Without these, podman wants systemd's cgroups and limits that only a whole machine has.
_CONF = """\
[containers]
default_ulimits=["nofile=20000:20000","nproc=20000:20000"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""


class Podman:
    """Runs podman; what it makes has a name that begins with `prefix`, and is removed at the end of the test."""

    def __init__(self) -> None:
        needs_root()
        self.program = needs_component("podman")
        self.prefix = f"rotator-test-{uuid4().hex[:12]}"
        _PLACE.mkdir(mode=0o700, exist_ok=True)
        conf = _PLACE / "containers.conf"
        _write(conf, _CONF)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(conf)}

    def __call__(self, *arguments: str | Path, timeout: float = 60, check: bool = True) -> Finished:
        """What podman says; fails if it does, unless `check` is off. Nothing that it shows has the token (S10)."""
        # Its own complaints, that no systemd is there for timers, would stand between the lines of the program's log.
        return self.run([self.program, "--log-level=fatal", *arguments], timeout=timeout, check=check)

    def run(self, command: list[str | Path], timeout: float = 60, *, check: bool = True) -> Finished:
        """Any program that calls podman."""
        done = subprocess.run(
            command, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
        )
        finished = Finished(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert TOKEN not in finished.out + finished.err
        assert not check or finished.code == 0, f"{shlex.join(map(str, command))}: {finished}"
        return finished

    def inspect(self, name: str) -> dict[str, Any]:
        """What podman knows of a container or an image."""
        (found,) = json.loads(self("inspect", name).out)
        assert isinstance(found, dict)
        return found

    def wait_for(self, name: str, event: str, times: int = 1, seconds: float = 15) -> None:
        """Until a container's log has so many lines of this event."""

        def enough() -> bool:
            log = self("logs", name)
            found = [line for line in json_lines(log.err) if line["event"] == event]
            running = len(found) >= times or self.inspect(name)["State"]["Running"]
            assert running, f"{name} ended before {event}: {log}"
            return len(found) >= times

        until(f"{event} of {name}", enough, seconds)

    def remove(self) -> None:
        """Every container, volume and network of this test."""
        filters = ("--all", "--filter", f"name={self.prefix}", "--format", "{{.Names}}")
        for name in self("ps", *filters).out.split():
            self("rm", "--force", "--volumes", "--time", "0", name, check=False)
        for volume in self("volume", "ls", "--format", "{{.Name}}").out.split():
            if volume.startswith(self.prefix):
                self("volume", "rm", "--force", volume)
        for network in self("network", "ls", "--format", "{{.Name}}").out.split():
            if network.startswith(self.prefix):
                self("network", "rm", "--force", network)

    def image(self, build: str) -> str:
        """rotator's image, built by the documented command; what did not change is not built again."""
        with _one_at_a_time():
            self._base()
            before = self("images", "--quiet", "--no-trunc", IMAGE).out.split()
            self.run(self._adapted(build), timeout=300)
            after = self("images", "--quiet", "--no-trunc", IMAGE).out.split()
            for old in {*before} - {*after}:
                self("rmi", old, check=False)  # in use: somebody else's test still runs
        return IMAGE

    def _base(self) -> None:
        if self("image", "exists", BASE, check=False).code == 0:
            return
        tar = _PLACE / "base.tar"
        bootstrap: list[str | Path] = [
            needs_component("mmdebstrap"),
            "--quiet",
            "--variant=minbase",
            f"--include={_PACKAGES}",
            "bookworm",
            tar,
        ]
        self.run(bootstrap, timeout=300)
        self("import", "--quiet", tar, BASE)
        tar.unlink()

    def _adapted(self, build: str) -> list[str | Path]:
        docker, verb, *rest, context = shlex.split(build)
        assert (docker, verb, rest, context) == ("docker", "build", ["-t", "rotator"], ".")
        here = [
            "--isolation",
            "chroot",
            "--network=host",
            "--build-arg",
            f"BASE={BASE}",
            "--build-arg",
            "VERSION=1.2.3",
        ]
        if _AUTHORITIES.exists():  # where a proxy signs what the packages come over
            here += ["-v", f"{_AUTHORITIES}:{_AUTHORITIES}:ro", "--env", f"PIP_CERT={_AUTHORITIES}"]
        # Of the two formats, only docker's has a HEALTHCHECK.
        return [self.program, "build", "--format", "docker", *here, "-t", IMAGE, ROOT]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (_PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, text: str) -> None:
    """Replace the file at once: another process may be reading it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
