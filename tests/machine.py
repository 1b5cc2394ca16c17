"""The machine that a test runs on, as far as results must not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import tzset

import pytest


@contextmanager
def machine_in(zone: str) -> Iterator[None]:
    """With `zone` as the time zone of the machine, until the block ends."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", zone)
        tzset()
        try:
            yield
        finally:
            patched.undo()
            tzset()
