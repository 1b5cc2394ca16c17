"""How a person reads a length of time."""

from __future__ import annotations

from datetime import timedelta


def age(span: timedelta) -> str:
    """A length of time in its largest sensible unit: `5m`, `7h`, `12d`."""
    minutes = max(int(span.total_seconds()) // 60, 0)
    if minutes < 120:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"
