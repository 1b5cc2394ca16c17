"""What a check finds, what all checks share, and how one is run so that it can neither stop nor hold up the others."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rotator.config import Config, Token
from rotator.errors import RotatorError

PATIENCE = 15.0
"""Seconds that one check may take."""


class Status(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"
    """It could not be looked at, or there is nothing to look at; the text says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, and what to do about it; `remedy` is empty where nothing is to be done."""

    status: Status
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ApiTime:
    """The API's clock (to a second) and ours at the same moment."""

    theirs: datetime
    ours: datetime


@dataclass(slots=True)
class Chart:
    """What was asked for, and what earlier checks found out for later ones; None where they did not."""

    arguments: argparse.Namespace
    environ: Mapping[str, str]
    uid: int
    clock: Callable[[], datetime]
    config: Config | None = None
    token: Token | None = None
    is_refused: bool = False
    """The API does not take the token."""
    reachable: bool = False
    api_time: ApiTime | None = None


Check = Callable[[Chart], Iterable[Finding]]


def ok(text: str) -> Finding:
    """All is well."""
    return Finding(Status.OK, text)


def warn(text: str, remedy: str) -> Finding:
    """It works, and may not be what was meant."""
    return Finding(Status.WARN, text, remedy)


def fail(text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(Status.FAIL, text, remedy)


def skipped(reason: str) -> Finding:
    """It was not looked at."""
    return Finding(Status.SKIPPED, reason)


def examined(check: Check, chart: Chart, patience: float = PATIENCE) -> tuple[Finding, ...]:
    """What the check finds within `patience` seconds; an error or a check that hangs is a finding too."""
    found: list[Finding] = []

    def look() -> None:
        try:
            found.extend(check(chart))
        except RotatorError as error:
            found.append(fail(str(error), "see the message"))
        except Exception as error:  # noqa: BLE001 - whatever is broken here, the other checks may tell why
            found.append(fail(f"this check broke: {type(error).__name__}: {error}", "repair the installation"))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        return (*found, fail(f"no answer within {patience:g} s", "look at what this check names; it hangs"))
    return tuple(found)


def span(value: timedelta) -> str:
    """A short time in words: `84 ms`, `2.4 s`, `3 min`, `5 h`, `12 days`."""
    seconds = abs(value.total_seconds())
    for limit, size, unit in ((1, 0.001, "ms"), (120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            number = seconds / size
            return f"{number:.1f} {unit}" if unit == "s" and number < 10 else f"{number:.0f} {unit}"
    return f"{seconds / 86_400:,.0f} days"
