"""A Debian that booted systemd, with rotator installed as docs/systemd.md says; for tests, driven from outside."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest

from tests.components import needs_component
from tests.documented import ROOT
from tests.e2e.program import until

SUITE = "bookworm"
PYTHON = "3.11"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libnss-systemd", "python3", "python3-venv"),
    *("jq", "openssh-client", "openssh-server"),
)
INSIDE = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "SYSTEMD_COLORS": "0",
    "SYSTEMD_PAGER": "",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
"""What a shell of root has in there; packages come from the folder of wheels and from nowhere else."""

HERE = "/root/rotator"
"""The checkout, as far as the documented commands need it."""

Result = subprocess.CompletedProcess[str]


def needs_systemd() -> None:
    """Skip, or fail under CI=true, where no systemd can be booted."""
    for program in ("systemd-nspawn", "mmdebstrap", "nsenter"):
        needs_component(program)
    if os.geteuid() != 0:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("only root can boot a systemd")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(map(str, command))} failed:\n{done.stdout}{done.stderr}"


def debian() -> Path:
    """The tree of a small Debian; it is built once on this machine and never changed."""
    cache = Path(tempfile.gettempdir()) / f"rotator-trees-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    assert cache.stat().st_uid == os.getuid(), f"{cache} belongs to somebody else"
    tree = cache / f"{SUITE}-{hashlib.sha256(','.join(PACKAGES).encode()).hexdigest()[:12]}"
    with _locked(tree.with_suffix(".lock")):
        if not tree.exists():
            part = tree.with_suffix(".part")
            _run("rm", "-rf", "--one-file-system", part)
            _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, part)
            part.rename(tree)
    return tree


def wheels(folder: Path) -> Path:
    """A folder with the wheel of this checkout and everything it needs, for the tree's Python."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    _run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    [own] = folder.glob("*.whl")
    levels = ("manylinux_2_36", "manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
    platforms = [f"--platform={level}_{platform.machine()}" for level in levels]
    abis = [f"--abi={abi}" for abi in (f"cp{PYTHON.replace('.', '')}", "abi3", "none")]
    python = ("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp", *abis)
    _run(*pip, "download", "--dest", folder, *python, *platforms, f"{own}[web,metrics]")
    return folder


class Machine:
    """While entered: a booted Debian that shares the network of this machine and forgets everything at its end."""

    def __init__(self, tree: Path, wheels: Path) -> None:
        self._tree = tree
        self._wheels = wheels
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self.since = "0"

    def __enter__(self) -> Self:
        # systemd-nspawn puts its machine into one fixed control group, so that there can be but one.
        self._only_one = self._tree.with_suffix(".booted").open("w")
        fcntl.flock(self._only_one, fcntl.LOCK_EX)
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._nspawn is not None:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if self._leader:
                    os.kill(self._leader, signal.SIGRTMIN + 3)
                    self._nspawn.wait(10)
            self._nspawn.kill()
            self._nspawn.wait(10)
        self._only_one.close()

    def leaves_nothing(self) -> bool:
        """Whether, after its end, no process and no mount of it is there."""
        mounts = Path("/proc/self/mounts").read_text()
        return not Path(f"/proc/{self._leader}").exists() and str(self._tree) not in mounts

    def _boot(self) -> None:
        console = self._wheels.with_name("console.log")
        with console.open("wb") as output:
            self._nspawn = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),  # not to outlive these tests, however they end
                    *("systemd-nspawn", "--quiet", "--directory", self._tree, "--volatile=overlay", "--boot"),
                    *("--register=no", "--keep-unit", "--console=pipe", f"--machine=rotator-{os.getpid()}"),
                    f"--bind-ro={self._wheels}:/wheels",
                ],
                env={"PATH": INSIDE["PATH"], "SYSTEMD_NSPAWN_LOCK": "0"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._leader = until("systemd starts", self._first_process)
        until("it is booted", lambda: self._is_up() or self._ended(console), 30)

    def _first_process(self) -> int:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
        return self._ended(self._wheels.with_name("console.log"))

    def _is_up(self) -> bool:
        return self.shell("systemctl is-system-running").stdout.strip() in ("running", "degraded")

    def _ended(self, console: Path) -> int:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, f"systemd-nspawn ended:\n{console.read_text()}"
        return 0

    def run(self, *command: str) -> Result:
        """What becomes of a command of root inside."""
        return subprocess.run(
            ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-p", "-n", "-C", "--", *command],
            env=INSIDE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def shell(self, line: str) -> Result:
        """The same for a line of shell; it is run where the checkout is."""
        return self.run("sh", "-c", f"mkdir -p {HERE} && cd {HERE} && {line}")

    def do(self, line: str) -> str:
        """The output of a line that has to succeed; `sudo` is left out, since it is root who types."""
        done = self.shell(line.replace("sudo ", ""))
        assert done.returncode == 0, f"{line} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def path(self, inside: str) -> Path:
        """Where a file of the machine can be read and written from outside."""
        return Path(f"/proc/{self._leader}/root") / inside.lstrip("/")

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        """Put a file into the machine."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode)
        path.chmod(mode)
        path.write_text(text)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.do(f"systemctl show --value -p {name} {unit}").strip()

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """The entries of the journal, oldest first."""
        done = self.run("journalctl", "--quiet", "--output=json", "--all", *matches)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def log(self, unit: str) -> list[dict[str, Any]]:
        """The log lines of a unit's processes since `forget`; one that is no JSON object has only a `text`."""
        entries = self.journal("--unit", unit, "_TRANSPORT=stdout", f"--since=@{self.since}")
        return [_parsed(entry["MESSAGE"]) | {"priority": int(entry["PRIORITY"])} for entry in entries]

    def logged(self, unit: str, event: str, **fields: object) -> list[dict[str, Any]]:
        """The log lines of that event with those fields."""
        wanted = {"event": event, **fields}
        return [line for line in self.log(unit) if all(line.get(key) == value for key, value in wanted.items())]

    def wait_for(self, unit: str, event: str, seconds: float = 15, **fields: object) -> dict[str, Any]:
        """The first such line, waiting for it."""
        return until(f"{event} {fields}", lambda: self.logged(unit, event, **fields), seconds)[0]

    def forget(self) -> None:
        """Later questions to the log are about what comes now."""
        self.since = self.do("date +%s.%6N").strip()


def _parsed(message: str) -> dict[str, Any]:
    with suppress(ValueError):
        line = json.loads(message)
        if isinstance(line, dict):
            return line
    return {"text": message}
