"""The read-only status page, metrics and health, served over HTTP; imports its packages only where wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.config import WebSettings
    from rotator.standing import Board
    from rotator.web.app import Metrics
    from rotator.web.site import Site

__all__ = ["new_site"]


def new_site(
    settings: WebSettings,
    board: Board,
    clock: Callable[[], datetime],
    environ: Mapping[str, str],
    metrics: Metrics | None = None,
) -> Site:
    """The page of those settings, not served yet; ConfigError if what serves it is missing or its token is unusable.

    `board` is filled by whoever makes the passes; `metrics` gives `/metrics`, None if there are none.
    """
    try:
        from rotator.web.site import Site
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "waitress":
            raise
        remedy = "pip install 'vps-rotator[web]', or remove the section"
        raise ConfigError((f"web: the status page needs one more package, {error.name}: {remedy}",)) from None
    return Site(settings, board, clock, environ, metrics)
