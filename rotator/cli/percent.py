"""The percentages that an operator types."""

from __future__ import annotations

import re

from rotator.errors import UsageError

_FORM = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)(%?)")


def share(option: str, text: str) -> float:
    """What `text` means, from 0 to 1; UsageError, which names `option`, for what is none or may be meant as a share."""
    match = _FORM.fullmatch(text)
    if match is None or (percent := float(match[1])) > 100:
        raise UsageError(f"{option} {text}: give a percentage from 0% to 100%, such as 5% or 0.25%")
    if 0 < percent < 1 and not match[2]:
        raise UsageError(f"{option} {text}: write {percent * 100:g}% or {match[1]}%")
    return percent / 100
