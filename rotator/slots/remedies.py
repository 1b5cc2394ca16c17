"""What to write instead of a schedule that cannot be: every remedy is a schedule that can."""

from __future__ import annotations

import re
from difflib import get_close_matches

from rotator.slots.words import DAYS, INTERVALS, PLAIN, interval_words

_KNOWN = {
    "@midnight": ("daily",),
    "@weekly": ("weekly", "0 0 * * 0"),
    "@monthly": ("monthly",),
    "@yearly": ("0 0 1 1 *",),
    "@annually": ("0 0 1 1 *",),
    "yearly": ("0 0 1 1 *",),
    "every year": ("0 0 1 1 *",),
    "nightly": ("daily",),
    "every night": ("daily",),
    "every week": ("weekly",),
    "every month": ("monthly",),
    "every weekend": ("0 0 * * 6,0",),
    "twice a day": ("every 12 hours",),
    "twice daily": ("every 12 hours",),
}
_EXAMPLES = ("hourly", "every day at 03:00", "0 3 * * *")

_AMOUNT = re.compile(r"(?:every )?([0-9]{1,9}) ?(seconds?|s|minutes?|mins?|m|hours?|h|days?|d|weeks?|w)")
_MINUTES = {"s": 0, "m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}

_SHIFTED = re.compile(r"every ([0-9]{1,2}) hours at ([0-9]{0,2}):([0-5][0-9])")
_TIME = re.compile(r"(?:\bat |\b(?=[0-9]{1,2}(?::| ?[ap]m)))([0-9]{1,2})(?::([0-5][0-9]))? ?(am|pm)?\b")


def remedies(phrase: str) -> tuple[str, ...]:
    """The nearest schedules to a lower-case phrase that is none."""
    return _KNOWN.get(phrase) or _as_interval(phrase) or _as_list(phrase) or _as_day(phrase) or _as_word(phrase)


def nearest_intervals(minutes: int) -> tuple[str, ...]:
    """The intervals that can be, next below and next above."""
    below = [each for each in INTERVALS if each <= minutes][-1:]
    above = [each for each in INTERVALS if each >= minutes][:1]
    return tuple(interval_words(each) for each in sorted({*below, *above}))


def _as_interval(phrase: str) -> tuple[str, ...]:
    """`90m` and `every 2 days`: the nearest intervals, and `weekly` from a week on."""
    if not (found := _AMOUNT.fullmatch(phrase)):
        return ()
    minutes = int(found[1]) * _MINUTES[found[2][0]]
    return nearest_intervals(minutes) + (("weekly",) if minutes > max(INTERVALS) else ())


def _as_list(phrase: str) -> tuple[str, ...]:
    """`every 6 hours at 03:30`: the same as a cron expression."""
    if not (found := _SHIFTED.fullmatch(phrase)) or (step := int(found[1])) not in range(1, 24) or 24 % step:
        return ()
    hours = range(int(found[2] or 0) % step, 24, step)
    return (f"{int(found[3])} {','.join(map(str, hours))} * * *",)


def _as_day(phrase: str) -> tuple[str, ...]:
    """`daily at 3am`, `mon and thu at 04:30`, `13:30`: the days that are named, at the one time that is named."""
    named = dict.fromkeys(day for word in phrase.replace(",", " ").split() for day in _days_like(word))
    days = [day for day in named if day != "day"] or [*named]
    if not days and "week" in phrase:
        days = ["monday"]
    hour, minute, at = _time_in(phrase)
    if "month" in phrase:
        return (f"{minute} {hour} 1 * *",)
    if len(times := _TIME.findall(phrase)) > 1:
        return () if len({each[1:] for each in times}) > 1 else _at_hours(phrase, minute, days)
    if len(days) > 1:
        return (f"{minute} {hour} * * {','.join(DAYS[day] for day in days)}",)
    return (f"every {(days or ['day'])[0]}{at}",) if days or at else ()


def _at_hours(phrase: str, minute: int, days: list[str]) -> tuple[str, ...]:
    """`at 02:00 and 14:00`: several hours of the days that are named, or of every day, with the same minute."""
    hours = sorted({_time_in(found[0])[0] for found in _TIME.finditer(phrase)})
    return (f"{minute} {','.join(map(str, hours))} * * {','.join(DAYS[day] for day in days) or '*'}",)


def _days_like(word: str) -> list[str]:
    if word in ("night", "nightly"):
        return ["day"]
    if word in ("week", "weekly"):
        return []
    short = [day for day in DAYS if len(word) >= 3 and day.startswith(word)]
    return short[:1] or get_close_matches(word, DAYS, n=1, cutoff=0.75)


def _time_in(phrase: str) -> tuple[int, int, str]:
    """Hour, minute and ` at HH:MM` of the time of day in `phrase`; midnight and nothing if it names none."""
    if not (found := _TIME.search(phrase)):
        return 0, 0, ""
    hour, minute = int(found[1]), int(found[2] or 0)
    hour = hour % 12 + 12 * (found[3] == "pm") if found[3] else hour % 24
    return hour, minute, f" at {hour:02}:{minute:02}"


def _as_word(phrase: str) -> tuple[str, ...]:
    forms = [*PLAIN, *(f"every {day}" for day in DAYS), *map(interval_words, INTERVALS)]
    return tuple(get_close_matches(phrase, forms, n=1)) or _EXAMPLES
