"""A state that cannot be used, through the real program: said loudly, and rotation goes on all the same."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.account import Account
from tests.e2e.program import SCRIPT, Program, Running
from tests.mounts import READ_ONLY, mounted

FULL = 'mount -t tmpfs -o size=16k,mode=0700 tmpfs "$1"; head -c 1M /dev/zero > "$1/ballast" 2> /dev/null || true'
COMMANDS = ("once", "run")


def kept(account: Account) -> Path:
    """The file of the account's state."""
    [path] = (account.home / "state").glob("*.db")
    return path


def earlier(rotator: Program, account: Account) -> Path:
    """A state with a past: a restore point of yesterday, in whose place today's is due."""
    account.plant(0)
    assert rotator("once", "--now", "-c", account.path).code == 0
    for each in account.snapshots():
        account.cloud.delete(each.id)
    account.plant(1)
    return kept(account)


def rotated(running: Running, account: Account, command: str, *kinds: str) -> list[str]:
    """It took what was due, exited with 0 and said what is wrong once and as an error; returns what it said."""
    running.wait_for("snapshot_completed", snapshot=account.name(0))
    ended = running.end() if command == "run" else running.end(None)
    assert ended.code == 0, ended.err
    assert account.created >= 1
    assert account.name(0) in account.names()
    told = [line for line in ended.log if line["event"] == "state_unusable"]
    assert [line["kind"] for line in told] == [*kinds]
    assert {line["level"] for line in told} <= {"error"}
    assert "internal_error" not in ended.events
    return [line["reason"] for line in told]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


@pytest.mark.parametrize("command", COMMANDS)
class TestRotationGoesOn:
    def test_no_place_for_it(self, rotator: Program, account: Account, command: str) -> None:
        (account.home / "file").touch()
        running = rotator.start(command, "-c", account.path, "--state-dir", account.home / "file" / "state")
        [said] = rotated(running, account, command, "no_place")
        assert "--state-dir" in said

    def test_locked_by_a_program_that_does_not_let_go(self, rotator: Program, account: Account, command: str) -> None:
        with locked(earlier(rotator, account)):
            [said] = rotated(rotator.start(command, "-c", account.path), account, command, "locked")
        assert "fuser" in said

    @pytest.mark.parametrize("damage", [b"\xa5" * 60_000, b""], ids=["rubbish", "empty"])
    def test_damaged(self, rotator: Program, account: Account, command: str, damage: bytes) -> None:
        path = earlier(rotator, account)
        path.write_bytes(damage)
        kinds = ["damaged"] if damage else []
        rotated(rotator.start(command, "-c", account.path), account, command, *kinds)
        told = rotator("history", "--json").json["entries"]
        assert [each["result"] for each in told] == ["completed"]
        assert len(list(path.parent.glob("*.corrupt-*Z"))) == len(kinds)

    def test_written_by_a_newer_version(self, rotator: Program, account: Account, command: str) -> None:
        path = earlier(rotator, account)
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        before = path.read_bytes()
        rotated(rotator.start(command, "-c", account.path), account, command, "newer")
        assert path.read_bytes() == before

    @pytest.mark.component
    def test_read_only(self, rotator: Program, account: Account, command: str) -> None:
        place = earlier(rotator, account).parent
        enter = [*mounted(READ_ONLY), str(place), str(SCRIPT)]
        [said] = rotated(rotator.start(command, "-c", account.path, command=enter), account, command, "read_only")
        assert "make the directory writable for this user, or name another by --state-dir" in said

    @pytest.mark.component
    def test_on_a_full_file_system(self, rotator: Program, account: Account, command: str) -> None:
        place = account.home / "state"
        place.mkdir(mode=0o700)
        enter = [*mounted(FULL), str(place), str(SCRIPT)]
        [said] = rotated(rotator.start(command, "-c", account.path, command=enter), account, command, "full")
        assert "the file system is full: make room" in said


def test_a_file_that_is_removed_under_a_daemon_is_begun_anew(rotator: Program, account: Account) -> None:
    account.cloud.create_time = account.cloud.create_time * 10
    daemon = rotator.start("run", "-c", account.path)
    daemon.wait_for("snapshot_created")
    for each in (account.home / "state").iterdir():
        each.unlink()
    rotated(daemon, account, "run", "removed")
    assert daemon.logged("state_recovered", kind="removed")


def test_restore_refuses_where_rotation_could_not_be_held_off(rotator: Program, account: Account) -> None:
    [target] = account.plant(0)
    (account.home / "file").touch()
    ran = rotator("restore", str(target), "--yes", "-c", account.path, "--state-dir", "file/state")
    assert ran.code == 1
    assert "rotation cannot be held off this server (see the log): nothing was restored" in ran.err
    assert account.changes == 0


def test_a_crontab_mails_the_trouble(rotator: Program, account: Account) -> None:
    """`once` at the level a crontab uses: silent when all is well, a line when the state is not."""
    account.plant(0)
    quiet = ("once", "-c", account.path, "--log-level", "warning")
    assert rotator(*quiet).err == ""
    kept(account).write_bytes(b"\xa5" * 60_000)
    ran = rotator(*quiet)
    assert (ran.code, ran.events) == (0, ["state_unusable"])
    assert shlex.quote(str(account.home / "state")) in ran.err
