"""Figures for Prometheus: what the daemon serves at /metrics, and what a one-shot leaves in a file.

Importing this package does not import prometheus-client; `new_metrics` does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rotator.errors import ConfigError

if TYPE_CHECKING:
    from rotator.metrics.metrics import Metrics

__all__ = ["is_installed", "new_metrics"]


def is_installed() -> bool:
    """Whether the optional package that metrics need is there."""
    return find_spec("prometheus_client") is not None


def new_metrics(clock: Callable[[], datetime], wanted_by: str) -> Metrics:
    """Metrics of this process; ConfigError, which names `wanted_by`, where the optional package is missing."""
    if not is_installed():
        raise ConfigError((f"{wanted_by}: metrics need one more package: pip install 'vps-rotator[metrics]'",))
    from rotator.metrics.metrics import Metrics

    return Metrics(clock)
