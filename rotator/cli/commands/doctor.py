"""`rotator doctor`: everything rotator needs, one line each, with the remedy where something is wrong."""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from rotator.cli.clock import clock
from rotator.cli.doctor import api, optional, places, program, service, settings
from rotator.cli.doctor import clock as clocks
from rotator.cli.doctor.chart import Chart, Check, Finding, Status, examined
from rotator.cli.words import WIDTH, painted, write
from rotator.errors import Exit
from rotator.logs import Redactor, setup
from rotator.naming import printable
from rotator.planner.words import counted
from rotator.standing import iso

CHECKS: tuple[tuple[str, Check], ...] = (
    ("program", program.version),
    ("packages", program.packages),
    ("extras", program.extras),
    ("configuration", settings.configuration),
    ("hooks", settings.hooks),
    ("token", settings.token),
    ("API address", api.address),
    ("API certificate", api.certificate),
    ("API token", api.accepted),
    ("API latency", api.latency),
    ("servers", api.servers),
    ("clock", clocks.skew),
    ("NTP", clocks.synchronised),
    ("time zones", clocks.zones),
    ("state directory", places.directory),
    ("state", places.database),
    ("lock", places.lock),
    ("systemd", service.unit),
    ("environment", service.environment),
    ("proxies", service.proxies),
    ("open files", service.files),
    ("page", optional.page),
    ("notifications", optional.notifications),
)
"""In this order: later checks use what earlier ones found out."""

_MARKS = {Status.OK: "ok", Status.WARN: "warn", Status.FAIL: "FAIL", Status.SKIPPED: "-"}
_COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.SKIPPED: "bold"}
_INDENT = 23


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; PROBLEM if something failed."""
    redactor = Redactor()
    setup(arguments.log_format or "console", arguments.log_level or "error", redactor)
    chart = Chart(arguments, os.environ, os.getuid(), clock)
    seen: list[tuple[str, Finding]] = []
    for name, check in CHECKS:
        found = [(name, finding) for finding in examined(check, chart)]
        if chart.token is not None:
            redactor.hide(chart.token.value)
        seen += found
        if not arguments.json:
            write(redactor.clean(line) for each in found for line in lines(*each))
    if arguments.json:
        write([redactor.clean(json.dumps(document(seen, chart.clock()), indent=2))])
    else:
        write([summary(finding for _, finding in seen)])
    failed = any(finding.status is Status.FAIL for _, finding in seen)
    return Exit.PROBLEM if failed else Exit.DONE


def lines(name: str, finding: Finding) -> Iterator[str]:
    """Mark, check and finding, and the remedy below, wrapped to the width."""
    mark = f"{_MARKS[finding.status]:<4}"
    wrapped = textwrap.wrap(
        printable(finding.text),
        WIDTH,
        initial_indent=f"{mark}  {name:<{_INDENT - 6}}",
        subsequent_indent=" " * _INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )
    yield wrapped[0].replace(mark, painted(mark, _COLOURS[finding.status]), 1)
    yield from wrapped[1:]
    if finding.remedy:
        yield textwrap.fill(
            printable(finding.remedy),
            WIDTH,
            initial_indent=" " * _INDENT + "-> ",
            subsequent_indent=" " * (_INDENT + 3),
            break_on_hyphens=False,
            break_long_words=False,
        )


def summary(findings: Iterable[Finding]) -> str:
    """How many of each there are."""
    count = Counter(finding.status for finding in findings)
    return f"\n{count[Status.FAIL]} failed, {counted(count[Status.WARN], 'warning')}, {count[Status.OK]} ok"


def document(seen: Iterable[tuple[str, Finding]], now: datetime) -> dict[str, Any]:
    """For programs: every finding in the order of the lines; the keys are an interface, see `docs/json.md`."""
    findings = [
        {"check": name, "status": each.status.value, "finding": each.text, "remedy": each.remedy or None}
        for name, each in seen
    ]
    return {"generated_at": iso(now), "findings": findings}
