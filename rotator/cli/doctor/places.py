"""Checks of what rotator keeps on this machine: the state, the room for it, and the instance lock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rotator.cli.doctor.chart import Chart, Finding, fail, ok, skipped, span, warn
from rotator.cli.doctor.settings import NEEDS_CONFIG
from rotator.cli.locations import lock_file, state_directory, state_file
from rotator.daemon.heartbeat import Heartbeat, heartbeat

_LITTLE = 100 * 2**20
_TOO_LITTLE = 5 * 2**20
_HIDDEN = "let this user into every folder above it, name another by --state-dir, or run `sudo rotator doctor`"
_REMEDIES = {
    "locked": "end the program that holds it open: fuser FILE",
    "full": "make room",
    "read_only": "make its directory writable for this user, or name another by --state-dir",
    "damaged": "the next `rotator run` or `once` keeps it aside and begins a new one, without the history so far",
    "newer": "install that rotator again; or stop rotator and move FILE away",
    "foreign": "name another directory by --state-dir",
    "untrusted": "chmod go-w what others may write, or name a directory of rotator's own by --state-dir",
    "unreadable": "check the directory and its file system, or name another by --state-dir",
    "bad_row": "stop rotator and move FILE away; it begins a new one, without the history so far",
}
"""By the kind of fault."""

_ELSEWHERE = "make it writable for this user, or name another by --state-dir"


def directory(chart: Chart) -> Iterator[Finding]:
    """Whether the state has a place that this user may write to, and room."""
    place = state_directory(chart.arguments, chart.environ, chart.uid)
    try:
        there = next(each for each in (place, *place.absolute().parents) if each.exists())
    except OSError as error:
        yield fail(f"{place}: {error.strerror}", _HIDDEN)
        return
    made = "" if there == place else ", made by the first run"
    if not there.is_dir():
        yield fail(f"{there} is not a directory", "remove it, or name another by --state-dir")
        return
    if not os.access(there, os.W_OK | os.X_OK):
        yield warn(f"{place}: this user may not write to {there}", f"{_ELSEWHERE}, or run `sudo rotator doctor`")
    free = shutil.disk_usage(there).free
    words = f"{place}: {_size(free)} free{made}"
    if free < _TOO_LITTLE:
        yield fail(words, "make room: history cannot be written")
    elif free < _LITTLE:
        yield warn(words, "make room")
    else:
        yield ok(words)


def database(chart: Chart) -> Iterator[Finding]:
    """Whether the state is sound and of a version that this program knows; it is only read."""
    from rotator.state.fault import ERRORS, explained
    from rotator.state.place import require_trust

    if chart.config is None:
        yield skipped(NEEDS_CONFIG)
        return
    path = state_file(chart.arguments, chart.config.path, chart.environ, chart.uid)
    try:
        if path.parent.exists():
            require_trust(path, chart.uid)
        if not path.exists():
            yield ok("none yet: the first run makes it")
            return
        version, verdict = _looked_into(path)
    except PermissionError as error:
        yield fail(f"{path}: {error.strerror}", _HIDDEN)
        return
    except ERRORS as error:
        fault = explained(error, path)
        yield fail(fault.text, _REMEDIES.get(fault.kind.value, "see the message").replace("FILE", str(path)))
        return
    words = f"{path.name}: {_size(path.stat().st_size)}, version {version}"
    if verdict != "ok":
        yield fail(f"{words}, damaged: {verdict}", _REMEDIES["damaged"])
    else:
        yield ok(words)


def _looked_into(path: Path) -> tuple[int, str]:
    """The version of the tables, and what SQLite says of the file."""
    from rotator.state.database import reader
    from rotator.state.schema import require_known

    with closing(reader(path)) as base:
        version = require_known(base, path)
        verdict: str = base.execute("PRAGMA quick_check(1)").fetchone()[0]
    return version, verdict


def lock(chart: Chart) -> Iterator[Finding]:
    """Who holds the instance lock, and whether the daemon's loop turns."""
    path = _lock_file(chart)
    if path is None:
        yield skipped(f"{NEEDS_CONFIG}, or --lock-file")
        return
    try:
        beat = heartbeat(path)
    except OSError as error:
        yield warn(f"{path}: {error.strerror}", "name another place with --lock-file, or run `sudo rotator doctor`")
        return
    if beat is None or not beat.held:
        yield ok(f"{path}: free, so neither a daemon nor a one-shot runs")
        return
    yield _loop(chart, path, beat)
    if (
        beat.state
        and chart.config
        and beat.state != _identity(state_file(chart.arguments, chart.config.path, chart.environ, chart.uid))
    ):
        remedy = "name the same place with --state-dir, or set STATE_DIRECTORY as the service has it"
        yield warn("whoever holds it uses another state than this command would", remedy)


def _identity(path: Path) -> str:
    """Device and inode of a file, as a lock file has them; empty if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"


def _loop(chart: Chart, path: Path, beat: Heartbeat) -> Finding:
    now = chart.clock()
    who = f"{path}: held by {f'process {beat.pid}' if beat.pid else 'a process'}"
    if beat.is_alive(now):
        return ok(f"{who}, whose loop turned {span(now - beat.touched_at)} ago")
    return fail(
        f"{who}, whose loop turned {span(now - beat.touched_at)} ago",
        "it stands still: look at its log, then restart it, for example `systemctl restart rotator`",
    )


def _lock_file(chart: Chart) -> Path | None:
    """The lock file, None if neither it nor the configuration is known."""
    config = chart.config.path if chart.config else None
    known = config or chart.arguments.lock_file
    return lock_file(chart.arguments, config, chart.environ, chart.uid) if known else None


def daemon_runs(chart: Chart) -> bool:
    """Whether somebody holds the instance lock."""
    path = _lock_file(chart)
    try:
        beat = heartbeat(path) if path else None
    except OSError:
        return False
    return beat is not None and beat.held


def _size(count: int) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count} {unit}"
        count //= 1024
    return f"{count:,} TiB"
