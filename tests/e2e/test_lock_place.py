"""A lock file on a file system that is full or read-only: locked where it can be, and else nothing is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.account import FOR_EVER, Account
from tests.e2e.program import SCRIPT, Finished, Program, until
from tests.mounts import READ_ONLY, mounted

pytestmark = pytest.mark.component

NO_FILES = 'mount -t tmpfs -o nr_inodes=1,mode=0700 tmpfs "$1"'
NO_BYTES = 'mount -t tmpfs -o size=4k,mode=0700 tmpfs "$1"; head -c 1M /dev/zero > "$1/ballast" 2> /dev/null || true'
COMMANDS = (["run"], ["once"], ["once", "--now"], ["prune", "--yes"])


@pytest.fixture
def place(account: Account) -> Path:
    """The directory of the lock file."""
    place = account.home / "place"
    place.mkdir()
    return place


def ended(rotator: Program, account: Account, place: Path, mount: str, *command: str) -> Finished:
    """How it ends with that mounted where its lock file is to be."""
    enter = [*mounted(mount), str(place), str(SCRIPT)]
    return rotator.start(*command, "-c", account.path, "--lock-file", place / "lock", command=enter).end(None)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("mount", "why"),
    [(READ_ONLY, "Read-only file system"), (NO_FILES, "No space left on device")],
    ids=["read-only", "full"],
)
def test_where_it_cannot_be_made_nothing_is_done(
    rotator: Program, account: Account, place: Path, command: list[str], mount: str, why: str
) -> None:
    account.plant(1, 2, 3, 4)
    done = ended(rotator, account, place, mount, *command)
    assert (done.code, done.out) == (78, "")
    [line] = done.err.splitlines()
    assert line == f"rotator: lock file {place / 'lock'}: {why}; name a writable place with --lock-file"
    assert account.sandbox.requests.total() == 0


def test_one_that_may_only_be_read_keeps_others_out_all_the_same(
    rotator: Program, account: Account, place: Path
) -> None:
    account.cloud.create_time = FOR_EVER
    holder = rotator.start("run", "-c", account.path, "--lock-file", place / "lock")
    until("it takes the slot", lambda: account.created)
    second = ended(rotator, account, place, READ_ONLY, "once")
    assert second.code == 75
    assert f"another rotator (process {holder.pid}) runs" in second.err
    assert holder.end().code == 0
    account.finish()
    assert ended(rotator, account, place, READ_ONLY, "once").code == 0
    assert account.created == 1


def test_without_a_byte_to_write_the_lock_holds_nameless(rotator: Program, account: Account, place: Path) -> None:
    enter = [*mounted(NO_BYTES), str(place), "sh", "-c"]
    both = '"$0" once -c "$1" --lock-file "$2" & "$0" once -c "$1" --lock-file "$2"; code=$?; wait $!; echo $code $?'
    account.cloud.create_time *= 5
    done = rotator.start(both, SCRIPT, account.path, place / "lock", command=enter).end(None)
    assert sorted(done.out.split()[-2:]) == ["0", "75"]
    assert "another rotator runs with this configuration" in done.err
    assert (account.created, account.names()) == (1, account.expected(0))
