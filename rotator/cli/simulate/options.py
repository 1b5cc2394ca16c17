"""From the options of `rotator simulate` to the settings of a simulation, and back to the command that repeats it."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.cli.percent import share
from rotator.cli.period import moment
from rotator.config.rules import duration
from rotator.errors import UsageError
from rotator.model import CAP, Policy
from rotator.simulate.settings import DAY, Settings, merged
from rotator.simulate.story import Outage

MOST_DAYS = 3660

_FIRST, _LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

_OUTAGE = re.compile(
    r"(?P<span>[^@]*)@day(?P<day>[0-9]{1,5})(?:T(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9]))?", re.ASCII
)


def settings_of(arguments: argparse.Namespace, poll_interval: timedelta, now: datetime) -> Settings:
    """What to simulate; UsageError for what cannot be, with the option and the remedy."""
    begun = _begin(arguments.begin, now)
    days = _number("--days", arguments.days, 1, MOST_DAYS)
    end = begun + days * DAY
    return Settings(
        begun,
        days,
        fail=share("--fail", arguments.fail),
        outages=merged([_outage(text, begun, end) for text in arguments.outage or ()], end),
        foreign=_number("--foreign", arguments.foreign, 0, CAP),
        seed=_number("--seed", arguments.seed, 0, 2**63),
        create_time=_create_time(arguments.create_time),
        poll_interval=poll_interval,
    )


def shortened(arguments: argparse.Namespace, settings: Settings, until: datetime) -> Settings:
    """The same simulation up to the end of the day of `until`."""
    days = (until - settings.begun) // DAY + 1
    end = settings.begun + days * DAY
    outages = [_outage(text, settings.begun, None) for text in arguments.outage or ()]
    return replace(settings, days=days, outages=merged([each for each in outages if each.begun < end], end))


def command_of(arguments: argparse.Namespace, settings: Settings, config: Path, servers: Sequence[str]) -> str:
    """The command line that runs the simulation of `settings` again."""
    return shlex.join(_words(arguments, settings, config, servers))


def _words(arguments: argparse.Namespace, settings: Settings, config: Path, servers: Sequence[str]) -> Iterator[str]:
    yield from ("rotator", "simulate", "-c", str(config))
    yield from ("--from", f"{settings.begun:%Y-%m-%dT%H:%M:%SZ}", "--days", str(settings.days))
    yield from ("--fail", arguments.fail)
    for text in arguments.outage or ():
        if _outage(text, settings.begun, None).begun < settings.ended:
            yield from ("--outage", text)
    yield from ("--foreign", str(settings.foreign), "--seed", str(settings.seed))
    yield from ("--create-time", arguments.create_time)
    for each in servers:
        yield from ("--server", each)


def named(policies: Sequence[Policy]) -> list[str]:
    """How `--server` names these."""
    return [str(policy.server_id) for policy in policies]


def picture_file(text: str | None, config: Path) -> Path | None:
    """Where the picture goes; UsageError before the work begins if it cannot go there."""
    if text is None:
        return None
    path = Path(text)
    if path.is_dir():
        raise UsageError(f"--svg {text}: this is a folder; name a file in it")
    if path.suffix.lower() != ".svg":
        raise UsageError(f"--svg {text}: the file is replaced, so its name has to end in .svg")
    if not path.parent.is_dir():
        raise UsageError(f"--svg {text}: its folder is not there; make it, or name another file")
    if path.exists() and (not path.is_file() or path.samefile(config)):
        raise UsageError(f"--svg {text}: that is no picture; name another file")
    if path.is_symlink() and not path.exists():
        raise UsageError(f"--svg {text}: this link leads to no file; remove it, or name another file")
    if not os.access(path.resolve().parent, os.W_OK | os.X_OK):
        raise UsageError(f"--svg {text}: its folder cannot be written; name another one")
    if path.exists() and not _is_replaceable(path):
        raise UsageError(f"--svg {text}: this file is no picture, and is not replaced; name another file")
    return path


def _is_replaceable(path: Path) -> bool:
    """Whether nothing but a picture is lost; UsageError if that cannot be known, or it cannot be written."""
    try:
        with path.open("r+b") as file:
            start = file.read(5)
    except OSError as error:
        raise UsageError(f"--svg {path}: {error.strerror}; name another file") from None
    return not start or start.startswith((b"<svg", b"<?xml"))


def _begin(text: str | None, now: datetime) -> datetime:
    if text is None:
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        begun = moment("--from", text, now).replace(microsecond=0)
    except UsageError:
        raise UsageError(f"--from {text}: no such day; write 2027-03-01, or 2027-03-01T14:00 (UTC)") from None
    if not _FIRST <= begun < _LAST:
        raise UsageError(f"--from {text}: give a date from {_FIRST:%Y-%m-%d} to before {_LAST:%Y-%m-%d}")
    return begun


def _number(option: str, text: str, least: int, most: int) -> int:
    number = int(text) if re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) else -1
    if not least <= number <= most:
        raise UsageError(f"{option} {text}: give a whole number from {least} to {most}")
    return number


def _create_time(text: str) -> timedelta:
    span = _span("--create-time", text, text)
    if not timedelta(seconds=1) <= span <= 7 * DAY:
        raise UsageError(f"--create-time {text}: give a time from 1s to 7d")
    return span


def _outage(text: str, begun: datetime, ended: datetime | None) -> Outage:
    """The outage that `text` means; one that does not begin before `ended` is refused."""
    match = _OUTAGE.fullmatch(text)
    if not match or int(match["day"]) < 1:
        raise UsageError(f"--outage {text}: write how long it lasts and when, such as 12h@day9 or 12h@day9T14:00")
    span = _span("--outage", text, match["span"])
    if not timedelta(seconds=1) <= span <= MOST_DAYS * DAY:
        raise UsageError(f"--outage {text}: it lasts no time, or longer than {MOST_DAYS} days; write 12h, say")
    at = begun + (int(match["day"]) - 1) * DAY
    at += timedelta(hours=int(match["hour"] or 0), minutes=int(match["minute"] or 0))
    if ended is not None and at >= ended:
        raise UsageError(f"--outage {text}: the simulation is over by then; give a longer one with --days")
    return Outage(at, at + span)


def _span(option: str, text: str, span: str) -> timedelta:
    try:
        return duration(span)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None
