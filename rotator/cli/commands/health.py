"""`rotator health`: does the daemon's loop turn; for probes, so it imports little and ends with 0 or 1 only."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rotator.cli.locations import lock_file
from rotator.daemon.heartbeat import heartbeat
from rotator.errors import Exit, RotatorError


def run(arguments: argparse.Namespace) -> int:
    """Say how the daemon is; whatever keeps that from being told is an answer as bad as a daemon that hangs."""
    try:
        alive, words = health(lock_file(arguments), arguments.max_age, datetime.now(UTC))
    except RotatorError as error:
        alive, words = False, str(error)
    except OSError as error:
        alive, words = False, f"{error.filename or 'the lock file'}: {error.strerror}"
    print(words)
    return Exit.DONE if alive else Exit.PROBLEM


def health(lock: Path, max_age: timedelta, now: datetime) -> tuple[bool, str]:
    """Whether the daemon that holds `lock` is alive, and the sentence about it."""
    beat = heartbeat(lock)
    if beat is None:
        return False, f"no daemon runs: there is no lock file {lock}; start it with `rotator run`"
    if not beat.held:
        return False, f"no daemon runs: nobody holds {lock}; start it with `rotator run`"
    who = f"process {beat.pid}" if beat.pid else "a process"
    age = round((now - beat.touched_at).total_seconds())
    if not beat.is_alive(now, max_age):
        return False, f"the loop of {who} stands still: it turned {age} s ago; restart it"
    return True, f"the loop of {who} turned {age} s ago"
