"""What a lock file tells of the loop behind it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.cli.commands.health import health
from rotator.daemon.heartbeat import heartbeat
from rotator.daemon.lock import InstanceLock
from rotator.model import LONGEST_TURN

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def touch(path: Path, at: datetime) -> None:
    os.utime(path, (at.timestamp(), at.timestamp()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rotator.lock"


def test_no_file_is_no_daemon(path: Path) -> None:
    assert heartbeat(path) is None
    alive, words = health(path, LONGEST_TURN, NOW)
    assert not alive
    assert f"there is no lock file {path}" in words


def test_a_file_that_nobody_holds_is_no_daemon(path: Path) -> None:
    with InstanceLock(path):
        pass
    touch(path, NOW)
    alive, words = health(path, LONGEST_TURN, NOW)
    assert not alive
    assert f"nobody holds {path}" in words


@pytest.mark.parametrize(
    ("ago", "alive"),
    [
        (timedelta(0), True),
        (LONGEST_TURN, True),
        (LONGEST_TURN + SECOND, False),
        (-LONGEST_TURN, True),
        (-LONGEST_TURN - SECOND, False),  # the clock was set back since, and nothing has turned
    ],
)
def test_a_loop_is_alive_while_it_touches_its_file(path: Path, ago: timedelta, alive: bool) -> None:
    with InstanceLock(path):
        touch(path, NOW - ago)
        said, words = health(path, LONGEST_TURN, NOW)
    assert said is alive
    assert f"process {os.getpid()}" in words
    assert ("stands still" in words) is not alive


def test_asking_leaves_the_lock_free(path: Path) -> None:
    with InstanceLock(path):
        pass
    for _ in range(3):
        heartbeat(path)
        with InstanceLock(path):
            beat = heartbeat(path)
            assert beat is not None
            assert beat.held
            assert beat.pid == os.getpid()


def test_a_file_that_names_nobody_tells_no_process(path: Path) -> None:
    path.write_text("not a number\n")
    beat = heartbeat(path)
    assert beat is not None
    assert (beat.held, beat.pid) == (False, 0)


def test_what_cannot_be_looked_at_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        heartbeat(path)
