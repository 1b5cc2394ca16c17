"""Asking a person before something that cannot be undone."""

from __future__ import annotations

import sys

from rotator.errors import UsageError
from rotator.naming import printable


def typed(question: str, expected: str) -> bool:
    """Whether the person typed `expected`; UsageError where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise UsageError("nobody to ask: standard input is not a terminal; to go ahead without asking, add --yes")
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip() == printable(expected).strip()
