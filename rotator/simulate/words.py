"""How a simulation is put in words, the same in the table and in the picture; nothing is printed here."""

from __future__ import annotations

from datetime import timedelta

from rotator.simulate.story import Fate

FATES = {Fate.TAKEN: "on time", Fate.LATE: "caught up", Fate.MISSED: "missed", Fate.OPEN: "open at the end"}
"""What became of a slot, in the order of the sentence that counts them."""


def span(length: timedelta | None) -> str:
    """A length of time to its second unit: `65m`, `26h 5m`, `3d 4h`; `-` for none."""
    if length is None:
        return "-"
    minutes = round(length.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes}m"
    large, small, units = (
        (minutes // 60, minutes % 60, "hm")
        if minutes < 48 * 60
        else (
            minutes // 1440,
            minutes % 1440 // 60,
            "dh",
        )
    )
    return f"{large}{units[0]}" + (f" {small}{units[1]}" if small else "")
