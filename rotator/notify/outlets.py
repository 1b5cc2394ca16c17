"""From settings to outlets: reads the files that hold addresses and secrets, and hides each of them in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from rotator.config import NotifySettings, Target, Webhook, read_address, read_lines, read_secret
from rotator.errors import ConfigError
from rotator.logs import Redactor
from rotator.notify.channels import CheckInOutlet, Outlet, WebhookOutlet

_LIKE_A_SECRET = 12
"""Characters from which on a part of an address is taken for a secret; a shorter one could be any word of a log."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """Who gets check-ins, each with how often the daemon gives one, and who gets messages."""

    check_ins: tuple[tuple[Outlet, timedelta], ...] = ()
    messengers: tuple[Outlet, ...] = ()

    @property
    def all(self) -> tuple[Outlet, ...]:
        """Every outlet, in the order of the configuration."""
        return (*(outlet for outlet, _ in self.check_ins), *self.messengers)


def open_outlets(
    settings: NotifySettings | None, clock: Callable[[], datetime], redactor: Redactor, environ: Mapping[str, str]
) -> Outlets:
    """Everybody whom the settings name; ConfigError with every address or secret that cannot be used."""
    if settings is None:
        return Outlets()
    problems: list[str] = []
    check_ins: list[tuple[Outlet, timedelta]] = []
    messengers: list[Outlet] = []
    for index, check_in in enumerate(settings.check_ins):
        with _collecting(problems):
            url = _address(check_in.target, f"notify.check_ins[{index}]", redactor, environ)
            check_ins.append((CheckInOutlet(url, environ), check_in.every))
    for index, webhook in enumerate(settings.webhooks):
        with _collecting(problems):
            messengers.append(_webhook(webhook, f"notify.webhooks[{index}]", clock, redactor, environ))
    for index, target in enumerate(settings.apprise):
        with _collecting(problems):
            messengers.extend(_services(target, f"notify.apprise[{index}]", redactor, environ))
    if problems:
        raise ConfigError(tuple(dict.fromkeys(problems)))
    return Outlets(tuple(check_ins), tuple(messengers))


@contextmanager
def _collecting(problems: list[str]) -> Iterator[None]:
    """Go on after a problem, so that all are told at once."""
    try:
        yield
    except ConfigError as error:
        problems += error.problems


def _webhook(
    webhook: Webhook, what: str, clock: Callable[[], datetime], redactor: Redactor, environ: Mapping[str, str]
) -> Outlet:
    url = _address(webhook.target, what, redactor, environ)
    secret = read_secret(webhook.secret_file, f"{what}.secret_file", environ) if webhook.secret_file else None
    if secret:
        redactor.hide(secret)
    return WebhookOutlet(url, secret, clock, environ)


def _services(target: Target, what: str, redactor: Redactor, environ: Mapping[str, str]) -> Iterator[Outlet]:
    from rotator.notify.services import ServiceOutlet

    urls = read_lines(target.url_file, f"{what}.url_file", environ) if target.url_file else (target.url,)
    for url in urls:
        hide_address(url, redactor)
        yield ServiceOutlet(url, what, redactor)


def _address(target: Target, what: str, redactor: Redactor, environ: Mapping[str, str]) -> str:
    url = read_address(target, what, environ)
    hide_address(url, redactor)
    return url


def hide_address(url: str, redactor: Redactor) -> None:
    """Keep an address out of the log, and each part of it that may be a secret by itself."""
    redactor.hide(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.path.strip("/"):
        redactor.hide(f"POST {parts.path}")  # as urllib3's debug lines have it, however short
    values = [value for each in parts.query.split("&") for value in (each, each.partition("=")[2])]
    pieces = [parts.path, *parts.path.split("/"), parts.query, *values, parts.fragment]
    for piece in pieces:
        if len(piece) >= _LIKE_A_SECRET:
            redactor.hide(piece)
            redactor.hide(unquote(piece))
    if parts.password:
        redactor.hide(parts.password)
        redactor.hide(unquote(parts.password))
