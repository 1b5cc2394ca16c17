"""Snapshot names: `{prefix}-{slot}` both ways, patterns that adopt other names, and names made safe to show."""

from __future__ import annotations

import fnmatch
import re
from datetime import UTC, datetime
from functools import lru_cache

PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
"""What a prefix may be: the API's name alphabet, ending in a letter or digit, at most 40 characters."""

ADOPT = re.compile(r"[A-Za-z0-9_*?-]*[A-Za-z0-9][A-Za-z0-9_*?-]*")
"""What an adopt pattern may be: name characters, `*` and `?`, at least one letter or digit."""

_SLOT = re.compile(r"[0-9]{8}T(?:[01][0-9]|2[0-3])[0-9]{4}Z")


@lru_cache(maxsize=4096)
def snapshot_name(prefix: str, slot: datetime) -> str:
    """The name of the snapshot of `slot` (aware): `rotator-20261123T020000Z`."""
    utc = slot.astimezone(UTC)
    # strftime does not pad years below 1000 on every platform.
    return f"{prefix}-{utc.year:04d}{utc:%m%dT%H%M%S}Z"


@lru_cache(maxsize=65536)  # the snapshots of 10,000 servers are looked at again and again
def slot_in_name(prefix: str, name: str) -> datetime | None:
    """The slot that `name` states, if the whole of it is `{prefix}-{slot}`; None for any other name (S2)."""
    head, text = name[: len(prefix) + 1], name[len(prefix) + 1 :]
    if head != f"{prefix}-" or not _SLOT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def is_adopted(patterns: tuple[str, ...], name: str) -> bool:
    """Whether one of `patterns` matches the whole of `name`; `*` is any run of characters, `?` any one."""
    return any(_pattern(pattern).fullmatch(name) for pattern in patterns)


def printable(text: str) -> str:
    """The text with everything that could move a cursor or start an escape sequence written out."""
    return "".join(char if char.isprintable() else _written_out(char) for char in text)


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _pattern(text: str) -> re.Pattern[str]:
    # Its translation backtracks in bounds, and an adopt pattern has none of the brackets that it also knows.
    return re.compile(fnmatch.translate(text))
