"""The words a schedule may be written in: each becomes one cron expression, or is refused with the nearest that can."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from rotator.errors import ScheduleError
from rotator.model import Schedule
from rotator.slots.remedies import nearest_intervals, remedies
from rotator.slots.words import DAYS, PLAIN
from rotator.slots.zones import timezone_of

_AT = re.compile(rf"every ({'|'.join(DAYS)})(?: at ([0-9]{{1,2}}):([0-9]{{2}}))?")
_PAST_THE_HOUR = re.compile(r"every hour(?: at :([0-5][0-9]))?")
_EVERY_HOUR_AT = re.compile(r"every hour at [0-9]{1,2}:([0-5][0-9])")
_INTERVAL = re.compile(r"every (?:([0-9]{1,9}) )?(minute|hour)s?")

_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, or L for the last",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT, 0 and 7 are Sunday",
}

_EXAMPLE = "0 3 * * *"

_SHOWN = 80


def parse_schedule(text: str, timezone: str) -> Schedule:
    """The schedule that `text` means in that zone; a ScheduleError says what is wrong and what would work instead."""
    timezone_of(timezone)
    written = " ".join(text.split())
    phrase = written.lower()
    cron = PLAIN.get(phrase) or _interval(phrase) or _at(phrase) or _expression(written)
    if not cron:
        raise _refusal(written, "it is no form of a schedule" if phrase else "it is empty", *remedies(phrase))
    return Schedule(written, cron, timezone)


def _interval(phrase: str) -> str | None:
    """`every 15 minutes`, `every hour at :30`: counted from the full hour and from midnight."""
    if found := _PAST_THE_HOUR.fullmatch(phrase):
        return f"{int(found[1] or 0)} * * * *"
    if found := _EVERY_HOUR_AT.fullmatch(phrase):
        raise _refusal(phrase, "every hour has no one hour", f"every hour at :{found[1]}", *remedies(phrase))
    if not (found := _INTERVAL.fullmatch(phrase)):
        return None
    count, unit = int(found[1] or 1), found[2]
    whole = {"minute": 60, "hour": 24}[unit]
    if count == 0 or whole % count:
        near = nearest_intervals(count * (1 if unit == "minute" else 60))
        raise _refusal(phrase, f"{count} does not divide {whole}", *near)
    return _every_minutes(count) if unit == "minute" else _every_hours(count)


def _every_minutes(count: int) -> str:
    return {1: "* * * * *", 60: "0 * * * *"}.get(count, f"*/{count} * * * *")


def _every_hours(count: int) -> str:
    hours = "*" if count == 1 else ",".join(map(str, range(0, 24, count)))
    return f"0 {hours} * * *"


def _at(phrase: str) -> str | None:
    """`every monday at 04:30`; without a time at midnight."""
    if not (found := _AT.fullmatch(phrase)):
        return None
    hour, minute = int(found[2] or 0), int(found[3] or 0)
    if hour > 23 or minute > 59:
        why = f"{found[2]}:{found[3]} is no time of day (00:00 to 23:59)"
        raise _refusal(phrase, why, f"every {found[1]} at {hour % 24:02}:{min(minute, 59):02}")
    return f"{minute} {hour} * * {DAYS[found[1]]}"


def _expression(text: str) -> str | None:
    """`text` itself if it is meant as a cron expression; refused if it is not one with five good fields and a day."""
    fields = text.split()
    if not _is_cron(fields):
        return None
    if len(fields) != 5:
        raise _refusal(text, f"a cron expression has 5 fields, not {len(fields)}", _five_of(fields))
    for place, (name, values) in enumerate(_FIELDS.items()):
        if not _comes(_replaced(["*"] * 5, place, fields[place])):
            fixed = _replaced(fields, place, "*" if place > 1 else "0")
            raise _refusal(text, f"{_shown(fields[place])} is no {name} ({values})", _comes(fixed) or _EXAMPLE)
    if not _comes(text):
        raise _refusal(text, "that day never comes", _comes(_replaced(fields, 2, "L")) or _EXAMPLE)
    return text


def _is_cron(fields: list[str]) -> bool:
    """Whether a cron expression was meant: a star somewhere, or several fields of which the first is a number."""
    if not fields or fields[0].lower() == "every":
        return False
    return "*" in "".join(fields) or (len(fields) > 3 and re.fullmatch(r"[0-9,/-]+", fields[0]) is not None)


def _five_of(fields: list[str]) -> str:
    """The five fields among more that are a schedule: seconds come first, a user name or a year last."""
    windows = (" ".join(fields[start : start + 5]) for start in (1, 0) if len(fields) > 5)
    return next(filter(_comes, windows), _EXAMPLE)


def _replaced(fields: list[str], place: int, field: str) -> str:
    return " ".join([*fields[:place], field, *fields[place + 1 :]])


def _comes(expression: str) -> str | None:
    """`expression` if it has at least one slot."""
    try:
        return expression if next(CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC)), None) else None
    except (CronSimError, ValueError):
        return None


def _refusal(text: str, why: str, *instead: str) -> ScheduleError:
    return ScheduleError(f"schedule {_shown(text)}: {why}; use {' or '.join(map(repr, instead))}")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
