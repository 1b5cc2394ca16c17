"""The installed `rotator` as a process of its own, and what it used; knows no benchmark."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROTATOR = str(Path(sys.executable).with_name("rotator"))
TOKEN = "benchmark"
ENVIRON = {"ROTATOR_API_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended well: seconds on the clock and of CPU, the most memory it had, what it printed."""

    wall: float
    cpu: float
    memory_mb: float
    """Not less than what the process had that started it: Linux counts the moment between fork and exec."""
    output: str


def ran(command: Sequence[str]) -> Ran:
    """Run a command to its end; raises CalledProcessError if that is not 0."""
    with tempfile.TemporaryFile("w+") as output:
        begun = time.monotonic()
        process = subprocess.Popen(command, env=ENVIRON, stdout=output)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, text)
    return Ran(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


def memory_mb(pid: int | str = "self") -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_seconds(pid: int) -> float:
    """What all threads of a process have had so far, to the nanosecond: the usual counters go by 10 ms."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
