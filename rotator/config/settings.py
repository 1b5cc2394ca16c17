"""The frozen values that a configuration becomes; knows neither YAML nor pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from rotator.model import Id, Policy


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where the API is and how it is spoken to; `url` has no trailing slash."""

    url: str
    token_file: Path | None
    timeout: timedelta
    parallel: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How often snapshots in progress are looked at, and how long one may take."""

    poll_interval: timedelta
    stuck_after: timedelta


@dataclass(frozen=True, slots=True)
class DisabledServer:
    """A server that the file names and switches off."""

    id: Id
    name: str


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the file at `path` says, resolved and checked; servers in the order of the file.

    `warnings` are lines to show: what is allowed and yet may not be what was meant.
    """

    path: Path
    api: ApiSettings
    timing: Timing
    policies: tuple[Policy, ...]
    disabled: tuple[DisabledServer, ...] = ()
    warnings: tuple[str, ...] = ()
