"""What exploring switches off, because it costs time and decides nothing: the log, coverage, and randomness."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import structlog

from rotator.api import caller


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is logged, no line is traced, retries wait for as short as they may; all is put back afterwards.

    Coverage would make it several times slower, and what is measured here is measured by other tests.
    """
    configured = structlog.get_config()
    trace = sys.gettrace()
    try:
        sys.settrace(None)
        threading.settrace(None)
        structlog.configure(
            processors=[],
            wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
            cache_logger_on_first_use=False,
        )
        gc.freeze()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(caller, "random", SimpleNamespace(random=lambda: 0.0))
            yield
    finally:
        gc.unfreeze()
        structlog.configure(**configured)
        sys.settrace(trace)
        threading.settrace(trace)
