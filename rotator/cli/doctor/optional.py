"""Checks of what is off unless configured: the page's place, whom to notify. Shows host names, never an address."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from rotator.cli.doctor.chart import Chart, Finding, fail, ok, skipped, warn
from rotator.cli.doctor.places import daemon_runs
from rotator.cli.doctor.program import has_extra
from rotator.cli.doctor.settings import NEEDS_CONFIG
from rotator.config.files import UnusableFileError, credential
from rotator.config.settings import NotifySettings, Target
from rotator.planner.words import counted

_TIMEOUT = 3.0


def page(chart: Chart) -> Iterator[Finding]:
    """Whether the page's place is free, or held by the daemon."""
    if chart.config is None or chart.config.web is None:
        yield skipped(NEEDS_CONFIG if chart.config is None else "`web` is not configured")
        return
    if not has_extra("web"):
        said = warn if has_extra("metrics") else fail
        without = "/metrics and health are served, and no page" if has_extra("metrics") else "nothing can be served"
        yield said(f"`web` is configured without its extra: {without}", "pip install 'vps-rotator[web]'")
    listen = chart.config.web.listen
    taken, runs = listens(listen), daemon_runs(chart)
    if taken and runs:
        yield ok(f"{listen}: answers")
    elif taken:
        yield fail(
            f"{listen}: taken, and no daemon runs here", "end the program that listens there, or change web.listen"
        )
    elif runs:
        remedy = "if `web` was added after its start: restart it; else look at its log"
        yield warn(f"{listen}: nobody listens, though a daemon runs", remedy)
    else:
        yield ok(f"{listen}: free")


def listens(listen: str) -> bool:
    """Whether somebody accepts connections at `HOST:PORT`, `[IPV6]:PORT` or the path of a Unix socket."""
    try:
        if listen.startswith("/"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT)
                connection.connect(listen)
        else:
            host, _, port = listen.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT).close()
    except OSError:
        return False
    return True


def notifications(chart: Chart) -> Iterator[Finding]:
    """Whether the files of `notify` can be read and its hosts be found; sends nothing."""
    if chart.config is None or chart.config.notify is None:
        yield skipped(NEEDS_CONFIG if chart.config is None else "`notify` is not configured")
        return
    notify, bad = chart.config.notify, list[Finding]()
    if notify.apprise and not has_extra("apprise"):
        bad.append(fail("`notify.apprise` needs an extra", "pip install 'vps-rotator[apprise]'"))
    bad += [finding for path in _files(notify) if (finding := _unreadable(path, chart.environ))]
    bad += [finding for target in _addresses(notify) if (finding := _unknown_host(target))]
    channels = len(notify.check_ins) + len(notify.webhooks) + len(notify.apprise)
    yield from bad or [ok(f"{counted(channels, 'channel')}; `rotator notify-test` tries them")]


def _addresses(notify: NotifySettings) -> list[Target]:
    """Those that are web addresses; one for Apprise may have a secret where a host stands."""
    return [each.target for each in notify.check_ins] + [each.target for each in notify.webhooks]


def _files(notify: NotifySettings) -> list[Path]:
    targets = [*_addresses(notify), *notify.apprise]
    files = [target.url_file for target in targets] + [each.secret_file for each in notify.webhooks]
    return [path for path in files if path]


def _unreadable(path: Path, environ: Mapping[str, str]) -> Finding | None:
    try:
        with credential(path, environ).open("rb"):
            return None
    except UnusableFileError:
        return None  # only the service itself has systemd's credentials
    except OSError as error:
        return fail(f"{path}: {error.strerror}", "make it readable for the user that runs rotator")


def _unknown_host(target: Target) -> Finding | None:
    try:
        url = target.url or (target.url_file.read_text(encoding="utf-8").strip() if target.url_file else "")
        host = urlsplit(url).hostname
    except (OSError, ValueError):
        return None  # an unreadable file has its own finding
    if not host:
        return fail("an address of `notify` names no host", "`rotator check` says which; write https://HOST/…")
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return warn(f"{host}: the name cannot be resolved ({error.strerror})", "check the address, and DNS")
    return None
