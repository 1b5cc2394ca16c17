"""Checks of what the operator wrote: the configuration, and where the token is and who may read it."""

from __future__ import annotations

import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from rotator.cli.doctor.chart import Chart, Finding, fail, ok, skipped, warn
from rotator.config import find_config, load, read_token
from rotator.errors import ConfigError, CredentialsError
from rotator.hooks import missing_program
from rotator.planner.words import counted

NEEDS_CONFIG = "needs a configuration that loads"


def configuration(chart: Chart) -> Iterator[Finding]:
    """Whether it is found and loads, what it warns of, and whether others can change it."""
    try:
        path = find_config(chart.arguments.config, chart.environ)
        chart.config = load(path)
    except ConfigError as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        yield fail(error.problems[0] + more, "correct it; `rotator check` shows every problem")
        return
    servers = counted(len(chart.config.policies), "server")
    disabled = f", {len(chart.config.disabled)} disabled" if chart.config.disabled else ""
    if chart.config.warnings:
        words = counted(len(chart.config.warnings), "warning")
        yield warn(f"{path}: {servers}{disabled}, {words}", "read them: `rotator check`")
    else:
        yield ok(f"{path}: {servers}{disabled}")
    yield from _changeable(path)


def _changeable(path: Path) -> Iterator[Finding]:
    """It names commands to run, so whoever may write it may run commands as rotator."""
    if path.stat().st_mode & stat.S_IWOTH:
        yield fail(f"every user of this machine may change {path}", f"chmod o-w {path}")


def token(chart: Chart) -> Iterator[Finding]:
    """Where it comes from, and whose the file is."""
    if chart.config is None and not chart.arguments.token_file:
        yield skipped(f"{NEEDS_CONFIG}, or --token-file")
        return
    configured = chart.config.api.token_file if chart.config else None
    try:
        chart.token = read_token(chart.arguments.token_file, configured, chart.environ)
    except CredentialsError as error:
        remedy = "if the service gets it from systemd: sudo rotator doctor --token-file /etc/rotator/token"
        yield fail(str(error), remedy)
        return
    for warning in chart.token.warnings:
        yield warn(warning, "chmod 0600 it, and make a new token if others may have read it")
    place, _, path = chart.token.source.partition(", ")
    if path:
        yield from _token_file(place, Path(path), chart.uid)
    else:
        yield ok(f"from {place}")


def _token_file(place: str, path: Path, uid: int) -> Iterator[Finding]:
    status = path.stat()
    owner = _user(status.st_uid)
    if status.st_uid not in (0, uid):
        yield warn(f"{path} is {owner}'s, who can change it", f"chown it: {_user(uid)} or root")
    yield ok(f"from {place}: {path} ({stat.S_IMODE(status.st_mode):04o}, {owner})")


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def hooks(chart: Chart) -> Iterator[Finding]:
    """Whether the programs of the hooks are there."""
    if chart.config is None:
        yield skipped(NEEDS_CONFIG)
        return
    commands = {
        command
        for policy in chart.config.policies
        if policy.hooks
        for command in (policy.hooks.before, policy.hooks.after)
        if command
    }
    if not any(policy.hooks for policy in chart.config.policies):
        yield skipped("none configured")
        return
    missing = sorted({words for each in commands if (words := missing_program(each, chart.environ))})
    for words in missing:
        yield fail(words, "install it, or correct `hooks`")
    if not missing:
        yield ok(counted(sum(1 for policy in chart.config.policies if policy.hooks), "server") + " with hooks")
