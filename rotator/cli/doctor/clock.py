"""Checks of the clock, on which every slot depends: against the API's, its synchronisation, the time zones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from shutil import which
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rotator.cli.doctor.chart import Chart, Finding, fail, ok, skipped, span, warn
from rotator.cli.doctor.settings import NEEDS_CONFIG

_WORTH_A_WARNING = timedelta(seconds=30)
_WRONG = timedelta(minutes=5)
_SET_IT = "set the clock and keep it right: timedatectl set-ntp true"


def skew(chart: Chart) -> Iterator[Finding]:
    """How far this machine's clock is from the API's, which tells whole seconds."""
    if chart.api_time is None:
        yield skipped("needs an answer of the API with its time")
        return
    ahead = chart.api_time.ours - chart.api_time.theirs
    # The API's second began up to a second before it was sent.
    off = max(abs(ahead) - timedelta(seconds=1), timedelta(0))
    words = f"{span(off)} {'ahead of' if ahead > timedelta(0) else 'behind'} the API's clock"
    if off > _WRONG:
        yield fail(f"{words}: snapshots get the wrong slot", _SET_IT)
    elif off > _WORTH_A_WARNING:
        yield warn(words, _SET_IT)
    else:
        yield ok(words if off else "within a second of the API's clock")


def synchronised(chart: Chart) -> Iterator[Finding]:
    """Whether the system says that it keeps its clock right."""
    program = which("timedatectl", path=chart.environ.get("PATH"))
    if program is None:
        yield skipped("no timedatectl here; in a container the host keeps the clock")
        return
    asked = subprocess.run(  # noqa: S603 - a fixed command
        [program, "show", "--property=NTPSynchronized", "--value"],
        capture_output=True,
        text=True,
        timeout=5,
        check=False,
    )
    answer = asked.stdout.strip()
    if answer == "yes":
        yield ok("synchronised by NTP")
    elif answer == "no":
        yield warn("not synchronised by NTP", _SET_IT)
    else:
        yield skipped("timedatectl cannot tell here")


def zones(chart: Chart) -> Iterator[Finding]:
    """Whether the rules of every time zone of the configuration are there."""
    if chart.config is None:
        yield skipped(NEEDS_CONFIG)
        return
    names = sorted({policy.schedule.timezone for policy in chart.config.policies} or {"UTC"})
    for name in names:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield fail(f"no data of the time zone {name}", "install the system's tzdata or Python's package tzdata")
            return
    yield ok(", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else ""))
