"""The frozen values that a configuration becomes; knows neither YAML nor pydantic."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class WebSettings:
    """Where the status page and the metrics are served.

    `listen` is `HOST:PORT`, `[IPV6]:PORT` or the absolute path of a Unix socket. `hosts` are names besides the
    address itself by which a browser may ask for it.
    """

    listen: str
    token_file: Path | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be a secret: written out, or in a file that is read when it is needed."""

    url: str = field(default="", repr=False)
    url_file: Path | None = None


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A check-in address in the style of Healthchecks; `every` is how often the daemon says that all is well."""

    target: Target
    every: timedelta


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that gets each change as JSON, signed with the secret in `secret_file` if there is one."""

    target: Target
    secret_file: Path | None = None


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Whom to tell of changes, and how often of what lasts. An Apprise target's file may hold several addresses."""

    remind_every: timedelta
    check_ins: tuple[CheckIn, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    apprise: tuple[Target, ...] = ()


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
    web: WebSettings | None = None
    notify: NotifySettings | None = None
    disabled: tuple[DisabledServer, ...] = ()
    warnings: tuple[str, ...] = ()
