"""Checks of what rotator runs in: systemd's unit, the environment of this process, the system's limits."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import which

from rotator.cli.doctor.chart import Chart, Finding, fail, ok, skipped, warn

UNITS = ("rotator.service", "rotator-once.timer", "rotator@*.service")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_FILES = 256


def unit(chart: Chart) -> Iterator[Finding]:
    """Whether systemd knows a unit of rotator, starts it at boot, and has it running."""
    program = which("systemctl", path=chart.environ.get("PATH"))
    if program is None or not Path("/run/systemd/system").is_dir():
        yield skipped("systemd does not run here")
        return
    asked = subprocess.run(  # noqa: S603 - a fixed command
        [program, "show", "--property=Id,LoadState,ActiveState,SubState,UnitFileState,Result", *UNITS],
        capture_output=True,
        text=True,
        timeout=5,
        check=False,
    )
    known = [each for each in units(asked.stdout) if each.get("LoadState") == "loaded"]
    if not known:
        yield ok("none installed")
    for each in known:
        yield judged(each)


def units(text: str) -> list[dict[str, str]]:
    """What `systemctl show` says, one mapping per unit."""
    blocks = (block.splitlines() for block in text.strip().split("\n\n") if block.strip())
    return [dict(line.partition("=")[::2] for line in block) for block in blocks]


def judged(unit: Mapping[str, str]) -> Finding:
    """What one unit's properties mean."""
    name, active, enabled = (unit.get(key, "") for key in ("Id", "ActiveState", "UnitFileState"))
    words = f"{name}: {active} ({unit.get('SubState', '')}), {enabled or 'not enabled by itself'}"
    if active == "failed":
        return fail(f"{words}, {unit.get('Result', '')}", f"journalctl -u {name} -n 50, then systemctl restart {name}")
    if active not in ("active", "activating", "reloading"):
        return warn(words, f"systemctl enable --now {name}, if it is to run") if enabled == "enabled" else ok(words)
    if enabled == "disabled":
        return warn(words, f"it does not come back after a boot: systemctl enable {name}")
    return ok(words)


def environment(chart: Chart) -> Iterator[Finding]:
    """What this very process runs in, which is what the other lines are about."""
    yield ok(f"this process runs {surroundings(chart.environ)}, as user {chart.uid}")


def surroundings(environ: Mapping[str, str], root: Path = Path("/")) -> str:
    """In a container, under systemd, or from a shell or cron."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "in Kubernetes"
    if any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return "in a container"
    if environ.get("INVOCATION_ID"):
        return "under systemd"
    return "from a shell" if environ.get("TERM") else "without a terminal, as from cron"


def proxies(chart: Chart) -> Iterator[Finding]:
    """Whether a proxy is set, which rotator does not use."""
    found = [name for name in chart.environ if name.upper() in _PROXIES and chart.environ[name]]
    if found:
        remedy = "rotator ignores it: the API has to be reachable without a proxy"
        yield warn(f"set: {', '.join(sorted(found))}", remedy)
    else:
        yield ok("none set")


def files(_: Chart) -> Iterator[Finding]:
    """How many files this process may have open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield ok("no limit")
    elif soft < _FILES:
        yield warn(f"at most {soft}", "raise it: ulimit -n 1024, or LimitNOFILE= of the unit")
    else:
        yield ok(f"at most {soft:,}")
