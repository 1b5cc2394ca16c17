"""What the machine is that was measured on, and how busy others kept it; knows no benchmark."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def facts() -> Iterator[tuple[str, str]]:
    """Hardware, system and versions, each with its name."""
    yield "processor", _after("/proc/cpuinfo", "model name") or platform.machine()
    yield "cores", str(len(os.sched_getaffinity(0)))
    yield "memory", f"{int((_after('/proc/meminfo', 'MemTotal') or '0').split()[0]) / 2**20:.1f} GiB"
    yield "system", f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "rotator", importlib.metadata.version("vps-rotator")
    yield "packages", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _needed())


def _after(file: str, name: str) -> str | None:
    found = re.search(rf"^{name}\s*:\s*(.+)$", Path(file).read_text(), re.MULTILINE)
    return found[1] if found else None


def _needed() -> list[str]:
    """What rotator needs, and what its page and its metrics need."""
    wanted = importlib.metadata.requires("vps-rotator") or []
    plain = [each for each in wanted if not re.search(r"extra == .(?!web|metrics)", each)]
    return sorted({re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in plain}, key=str.lower)


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds so far: all there were, those that anybody used, those of this process and what it ran."""

    all: float
    busy: float
    own: float


def used() -> Used:
    """Up to now."""
    [line] = [each for each in Path("/proc/stat").read_text().splitlines() if each.startswith("cpu ")]
    spent = [int(each) / os.sysconf("SC_CLK_TCK") for each in line.split()[1:9]]
    idle = spent[3] + spent[4]
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Used(sum(spent), sum(spent) - idle, sum(each.ru_utime + each.ru_stime for each in usages))


def others(before: Used, after: Used) -> float:
    """The share of the machine's CPU that other programs had in between."""
    return max((after.busy - before.busy) - (after.own - before.own), 0) / max(after.all - before.all, 0.001)
