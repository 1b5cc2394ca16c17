"""Time zones by name; the only thing read is the zone database."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from rotator.errors import ScheduleError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")

# Files of a zone database that are no zone, mean another one on every machine, or count leap seconds.
_NO_ZONE = re.compile(r"(?:localtime|posixrules|Factory)|(?:posix|right)/.*")

_LONGEST = 64


@lru_cache(maxsize=256)
def timezone_of(name: str) -> ZoneInfo:
    """The zone of that IANA name; a ScheduleError that names the nearest ones for any other text."""
    if len(name) > _LONGEST or not _NAME.fullmatch(name) or _NO_ZONE.fullmatch(name):
        raise ScheduleError(_refusal(name))
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ScheduleError(_refusal(name)) from None


def _refusal(name: str) -> str:
    near = " or ".join(repr(zone) for zone in _nearest(name[:_LONGEST].strip()))
    shown = name if len(name) <= _LONGEST else name[:_LONGEST] + "…"
    remedy = f"use {near}" if near else "write Region/City, such as 'Europe/Paris', or 'UTC'"
    return f"time zone {shown!r} is not in the zone database; {remedy}"


def _nearest(name: str) -> list[str]:
    """The zone spelled the same but for case, else the zones of that city, else the closest one if it is close."""
    zones = {zone.lower(): zone for zone in sorted(available_timezones()) if not _NO_ZONE.fullmatch(zone)}
    wanted = name.lower().replace(" ", "_")
    if wanted in zones:
        return [zones[wanted]]
    by_city = [zone for low, zone in zones.items() if low.rpartition("/")[2] == wanted]
    # An abbreviation is close to many, and means none of them.
    close = get_close_matches(wanted, zones, n=1, cutoff=0.8) if "/" in wanted else []
    return by_city[:3] or [zones[low] for low in close]
