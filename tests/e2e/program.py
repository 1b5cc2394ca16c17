"""The `rotator` script in processes of its own: a clean environment, a home of its own, every wait with a deadline."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

SCRIPT = Path(sys.executable).with_name("rotator")
TOKEN = "e2e-token-4c9ZkQ7vX2mB"

Found = TypeVar("Found")


def until(what: str, question: Callable[[], Found | None], seconds: float = 15) -> Found:
    """The first answer of `question` that is not empty; asks until then, and fails when time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)
    return answer


def json_lines(text: str) -> list[dict[str, Any]]:
    """The log lines in `text`, complete ones only; whatever is no JSON object is a failure."""
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    assert all(isinstance(line, dict) for line in lines)
    return lines


@dataclass(frozen=True)
class Finished:
    """A process that ended; `err` is empty where both streams went to one terminal."""

    code: int
    out: str
    err: str = ""

    @property
    def log(self) -> list[dict[str, Any]]:
        return json_lines(self.err)

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.log]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Running:
    """A process in the background; its output goes to files."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        return json_lines(self._err.read_text())

    def logged(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """The lines of this event that have these fields."""
        wanted = {"event": event, **fields}.items()
        return [line for line in self.log if wanted <= {key: line[key] for key in line if _simple(line[key])}.items()]

    def wait_for(self, event: str, seconds: float = 15, **fields: object) -> dict[str, Any]:
        """The first such line, waiting for it; fails at once when the process ends without it."""

        def line() -> dict[str, Any] | None:
            ended = self.process.poll() is not None
            found = self.logged(event, **fields)
            assert found or not ended, f"ended with {self.process.returncode} before {event}:\n{self._err.read_text()}"
            return found[0] if found else None

        return until(f"{event} {fields} in\n{self._err.read_text()}", line, seconds)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals | None = signal.SIGTERM, seconds: float = 10) -> Finished:
        """Send a signal, if any, and wait for the end."""
        if number is not None:
            self.send(number)
        code = self.process.wait(seconds)
        return Finished(code, self.out, self._err.read_text())


def _simple(value: object) -> bool:
    return not isinstance(value, list | dict)


class Program:
    """Starts the script; kills at the end what still runs. Nothing it ever prints may show TOKEN (S10)."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._started: list[subprocess.Popen[bytes]] = []
        self._count = 0
        self.environment = {
            "HOME": str(home),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "RUNTIME_DIRECTORY": str(home / "run"),  # where the lock file goes
            "STATE_DIRECTORY": str(home / "state"),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "COLUMNS": "80",
            # Coverage of subprocesses is asked for by variables.
            **{name: value for name, value in os.environ.items() if name.startswith("COV")},
        }

    def __call__(
        self,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 30,
        shows_token: bool = False,
    ) -> Finished:
        """Run it to its end, without a terminal."""
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={**self.environment, **(env or {})},
            cwd=self.home,
            input=stdin.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        finished = Finished(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert shows_token or TOKEN not in finished.out + finished.err
        return finished

    def start(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, command: Sequence[str | Path] = (SCRIPT,)
    ) -> Running:
        """Run it in the background; `command` is what it is run with."""
        self._count += 1
        out, err = self.home / f"{self._count}.out", self.home / f"{self._count}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [*command, *arguments],
                env={**self.environment, **(env or {})},
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self._started.append(process)
        return Running(process, out, err)

    def on_terminal(
        self,
        *arguments: str | Path,
        answer: tuple[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = 20,
    ) -> Finished:
        """Run it with a terminal as stdin, stdout and stderr; `answer` is (the end of the question, what is typed)."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [SCRIPT, *arguments],
            env={**self.environment, **(env or {})},
            cwd=self.home,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._started.append(process)
        try:
            shown = _conversation(master, answer, time.monotonic() + seconds)
            code = process.wait(seconds)
        finally:
            os.close(master)
        assert TOKEN not in shown
        return Finished(code, shown)

    def close(self) -> None:
        """Kill whatever still runs, with its children."""
        for process in self._started:
            if process.poll() is None:
                # Those that `start` started lead a group of their own.
                with suppress(ProcessLookupError):
                    if os.getpgid(process.pid) == process.pid:
                        os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait(10)


def _conversation(master: int, answer: tuple[str, str] | None, deadline: float) -> str:
    """Everything shown until the other side closes the terminal."""
    shown = b""
    while True:
        left = deadline - time.monotonic()
        assert left > 0, f"no end on the terminal:\n{shown.decode(errors='replace')}"
        if not select.select([master], [], [], left)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:  # EIO: nobody has it open any more
            piece = b""
        if not piece:
            return shown.decode()
        shown += piece
        if answer and shown.decode(errors="replace").endswith(answer[0]):
            os.write(master, answer[1].encode() + b"\n")
            answer = None
