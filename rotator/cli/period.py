"""The times that an operator types; without a zone they are in the one that the command says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from rotator.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_AGO = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[mhdw])(?: ago)?")

# Python also reads 20261101 and 2026-W44, which are more often a slip than meant.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")

_FORMS = "write 30d for 30 days ago (or 6h, 45m, 2w), 2026-11-01, or 2026-11-01T14:00 ({zone} unless it names a zone)"


def period(since: str | None, until: str | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Both bounds in UTC; UsageError for a text that is no time, and for a period in which nothing can lie."""
    begin = None if since is None else moment("--since", since, now)
    end = None if until is None else moment("--until", until, now)
    if begin is not None and end is not None and begin >= end:
        raise UsageError(f"--since {since} --until {until}: the beginning is not before the end")
    if begin is not None and begin > now:
        raise UsageError(f"--since {since}: that is in the future")
    return begin, end


def moment(option: str, text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """The moment that `text` means, in UTC; UsageError, which names `option`, for a text that is no time."""
    try:
        return _read(text.strip(), now, zone)
    except (ValueError, OverflowError):
        forms = _FORMS.format(zone="UTC" if zone is UTC else zone)
        raise UsageError(f"{option} {text!r}: this is no time; {forms}") from None


def _read(text: str, now: datetime, zone: tzinfo) -> datetime:
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
    if not _DATE.match(text):
        raise ValueError(text)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
