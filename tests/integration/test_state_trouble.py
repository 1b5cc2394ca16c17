"""A state that is really locked, damaged, removed, read-only or full: told loudly once, and nothing stops."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.engine.ledger import Past, Result
from rotator.state.connection import PATIENCE
from rotator.state.database import COOL_OFF
from tests.builders import DB, WEB
from tests.conftest import NOW
from tests.mounts import READ_ONLY, mounted
from tests.state_builders import MINUTE, NAME, SetClock, debt, hold, intent, note, opened, spoil, told

PREAMBLE = """
import json, os, sys, time
from pathlib import Path
from rotator.engine.ledger import Result
from rotator.state.database import COOL_OFF
from tests.builders import WEB
from tests.conftest import NOW
from tests.state_builders import *
place = Path(sys.argv[1])
clock = SetClock()
"""


def program(text: str, place: Path, *before: str) -> list[str]:
    """A command that runs `text` with `place`, after `before`."""
    return [*before, sys.executable, "-c", PREAMBLE + textwrap.dedent(text), str(place)]


def answered(text: str, place: Path, *before: str) -> Any:
    """What the program prints, which is one line of JSON."""
    done = subprocess.run(program(text, place, *before), capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@contextmanager
def locked(path: Path, mode: str = "") -> Iterator[None]:
    """Another process keeps the database locked for writing; with `mode` EXCLUSIVE for reading too."""
    text = f"""
    import sqlite3
    c = sqlite3.connect(place, isolation_level=None)
    c.execute("PRAGMA locking_mode = {mode or "NORMAL"}")
    c.execute("BEGIN IMMEDIATE")
    c.execute("DELETE FROM alerts")
    print("locked", flush=True)
    sys.stdin.read()
    """
    with subprocess.Popen(program(text, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            holder.kill()


@contextmanager
def together(command: list[str], count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The same program several times."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            for _ in range(count)
        ]


def let_go(processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until each of them says that it is here, then let all go on at once."""
    for each in processes:
        assert each.stdout
        while (line := each.stdout.readline()) != b"here\n":
            assert line, "it ended before"
    for each in processes:
        assert each.stdin
        each.stdin.write(b"go\n")
        each.stdin.flush()


class TestLocked:
    def test_costs_a_second_and_not_one_with_every_call(self, tmp_path: Path) -> None:
        with told() as kinds, opened(tmp_path) as state, locked(tmp_path / NAME):
            began = time.monotonic()
            state.begin([intent("a")])
            first = time.monotonic()
            for number in range(200):
                state.end("a", Result.SENT, NOW)
                state.begin([intent(str(number))])
                state.holds()
            assert first - began < PATIENCE + 1
            assert time.monotonic() - first < 1
            assert kinds() == ["locked"]
            assert "fuser" in (state.fault or "")

    def test_what_it_holds_is_still_known_and_what_waited_is_written_afterwards(self, tmp_path: Path) -> None:
        clock = SetClock()
        with told() as kinds, opened(tmp_path, clock) as state:
            state.hold(hold())
            state.begin([intent("a")])
            with locked(tmp_path / NAME):
                state.end("a", Result.SENT, NOW)
                state.owe(debt())
                assert set(state.holds()) == {WEB}, "a hold stays in force"
                assert state.debts() == (debt(),)
                assert [each.key for each in state.open_intents(WEB) or ()] == ["a"], "reading works all the while"
                assert not state.hold(hold(requested=True))
            clock.now += COOL_OFF
            assert not state.holds()[WEB].requested, "what could not be promised is not done later"
            assert kinds() == ["locked"]
            assert kinds("state_recovered") == ["locked"]
        with opened(tmp_path) as state:
            assert state.debts() == (debt(),)
            assert state.open_intents(WEB) == ()

    def test_is_survived_at_the_start_even_if_nothing_can_be_read(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a")])
        with locked(tmp_path / NAME, "EXCLUSIVE"):
            began = time.monotonic()
            with told() as kinds, opened(tmp_path) as state:
                assert state.past() == Past()
                assert state.holds() == {}
                assert kinds() == ["locked"]
            assert time.monotonic() - began < 4 * PATIENCE

    def test_what_is_left_is_written_at_the_end(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state, locked(tmp_path / NAME):
            state.begin([intent("a")])
        with opened(tmp_path) as state:
            assert set(state.past().attempts) == {WEB}


def filled(place: Path) -> bytes:
    """A state with some pages, closed; its content."""
    with opened(place) as state:
        state.begin([intent(str(number), reason="x" * 500) for number in range(200)])
        state.owe(debt())
    return (place / NAME).read_bytes()


def used(place: Path) -> None:
    """Everything that a process does with a state: what it writes is there afterwards."""
    with opened(place) as state:
        for _ in state.past(), state.holds(), state.debts(), state.alerts(), state.usual(WEB), state.history():
            pass
        state.begin([intent("new", server_id=99)])
        state.end("new", Result.SENT, NOW)
        state.owe(debt("new"))
        state.save_alert(note())
        assert state.fault is None
    with opened(place) as state:
        assert state.past().attempts[99].key == "new"
        assert "new" in {each.key for each in state.debts()}


def asides(place: Path) -> list[Path]:
    return sorted(
        each for each in place.iterdir() if each.name.startswith(f"{NAME}.corrupt-") and each.suffix != "-wal"
    )


class TestDamaged:
    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, 16), (0, 100), (100, 4096), (4096, 8192), (8192, 12288), (16384, 60000), (0, None)],
    )
    def test_is_moved_aside_and_a_new_one_begins(self, tmp_path: Path, start: int, end: int | None) -> None:
        content = bytearray(filled(tmp_path))
        last = len(content) if end is None else end
        content[start:last] = b"\xa5" * (last - start)
        (tmp_path / NAME).write_bytes(content)
        with told() as kinds:
            used(tmp_path)
            assert kinds() == ["damaged"]
            assert kinds("state_recovered") == ["damaged"]
        [aside] = asides(tmp_path)
        assert aside.read_bytes()[start:last] == content[start:last], "a person can still look at it"
        assert aside.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("size", [100, 5000, 4096 * 5])
    def test_so_is_one_that_was_cut_off(self, tmp_path: Path, size: int) -> None:
        (tmp_path / NAME).write_bytes(filled(tmp_path)[:size])
        with told() as kinds:
            used(tmp_path)
            assert kinds() == ["damaged"]
        assert len(asides(tmp_path)) == 1

    def test_every_single_page_may_be_damaged(self, tmp_path: Path) -> None:
        content = filled(tmp_path)
        for start in range(0, len(content), 4096):
            place = tmp_path / str(start)
            place.mkdir()
            (place / NAME).touch(mode=0o600)
            (place / NAME).write_bytes(content[:start] + b"\0" * 4096 + content[start + 4096 :])
            with told() as kinds:
                used(place)
            with opened(place) as state:
                kept = len(state.history())
            # What is in such a page may be all that there is, or nothing: then nobody has to notice.
            assert (kinds(), kept) in ((["damaged"], 1), ([], 201)), f"the page at {start}"
            assert len(asides(place)) == len(kinds())

    def test_found_while_reading_loses_nothing_of_this_process_either(self, tmp_path: Path) -> None:
        with told() as kinds, opened(tmp_path) as state:
            state.owe(debt())
            state.hold(hold())
            for end in "", "-wal":
                path = tmp_path / f"{NAME}{end}"
                path.write_bytes(b"\xa5" * path.stat().st_size)
            (tmp_path / f"{NAME}-shm").write_bytes(b"\0" * 32768)
            assert state.debts() == (debt(),)
            assert set(state.holds()) == {WEB}
            assert kinds() == ["damaged"]
        with opened(tmp_path) as state:
            assert set(state.holds()) == {WEB}
            assert state.debts() == (debt(),)

    def test_while_it_is_in_use_loses_nothing_of_this_process(self, tmp_path: Path) -> None:
        with told() as kinds, opened(tmp_path) as state:
            state.owe(debt())
            state.hold(hold())
            state.begin([intent(str(number), reason="x" * 500) for number in range(200)])
            assert len(state.holds()) == len(state.debts()) == 1
            for end in "", "-wal":
                path = tmp_path / f"{NAME}{end}"
                path.write_bytes(b"\xa5" * path.stat().st_size)
            (tmp_path / f"{NAME}-shm").write_bytes(b"\0" * 32768)
            state.begin([intent("new", server_id=99)])
            assert kinds() == ["damaged"]
            assert state.fault is None
        with opened(tmp_path) as state:
            assert set(state.holds()) == {WEB}
            assert state.debts() == (debt(),)
            assert set(state.past().attempts) == {99}

    def test_three_damaged_ones_are_kept(self, tmp_path: Path) -> None:
        clock = SetClock()
        for number in range(5):
            clock.now += COOL_OFF
            (tmp_path / NAME).touch(mode=0o600)
            (tmp_path / NAME).write_bytes(b"damage %d" % number * 1000)
            with opened(tmp_path, clock):
                pass
        assert [each.read_bytes()[:8] for each in asides(tmp_path)] == [b"damage %d" % number for number in (2, 3, 4)]

    def test_two_processes_that_find_it_at_once_begin_one_new_file(self, tmp_path: Path) -> None:
        text = """
        def meet():
            print("here", flush=True)
            sys.stdin.readline()

        meet()
        with opened(place) as state:
            state.begin([intent(f"{os.getpid()}-{n}") for n in range(10)])
            meet()
            state.past()
            print(json.dumps(state.identity))
        """
        for _ in range(3):
            filled(tmp_path)
            (tmp_path / NAME).write_bytes(b"\xa5" * 60000)
            with together(program(text, tmp_path), 2) as both:
                for _ in range(2):
                    let_go(both)
                identities = {json.loads(each.communicate(timeout=20)[0].splitlines()[-1]) for each in both}
            assert len(identities) == 1
            assert None not in identities
            with opened(tmp_path) as state:
                assert len(state.history()) == 20
            (tmp_path / NAME).unlink()


BAD = [
    "UPDATE debts SET command = '{}' WHERE key = 'bad'",
    "UPDATE debts SET command = 'rm -rf /' WHERE key = 'bad'",
    "UPDATE debts SET command = replace(hex(zeroblob(50000)), '0', '[') WHERE key = 'bad'",
    """UPDATE debts SET command = '{"argv": "reboot", "shell": true}' WHERE key = 'bad'""",
    "UPDATE debts SET until = 9223372036854775807 WHERE key = 'bad'",
    "UPDATE debts SET snapshot = x'ff00' WHERE key = 'bad'",
    "UPDATE debts SET when_run = 'never' WHERE key = 'bad'",
    "UPDATE holds SET until = 9223372036854775807 WHERE key = 'bad'",
    "UPDATE holds SET snapshot_id = '[1]' WHERE key = 'bad'",
    "UPDATE alerts SET since = 'yesterday' WHERE subject = 'bad'",
    "UPDATE actions SET slot = 9223372036854775807 WHERE key = 'bad'",
    "UPDATE actions SET slot = 'midnight' WHERE key = 'bad'",
    "UPDATE actions SET result = 'sent', attempt = 'many' WHERE key = 'bad'",
    "UPDATE actions SET result = 'sent', ended_at = 1e300 WHERE key = 'bad'",
    "UPDATE actions SET server_id = 'null' WHERE key = 'bad'",
    "UPDATE actions SET took = 'long' WHERE key = 'bad'",
]


class TestBadRow:
    """A row that no rotator wrote, in a file that SQLite finds sound."""

    @pytest.mark.parametrize("sql", BAD)
    def test_costs_itself_and_nothing_else_and_is_told_once(self, tmp_path: Path, sql: str) -> None:
        clock = SetClock(NOW + MINUTE)
        with opened(tmp_path, clock) as state:
            for key, server_id in (("good", WEB), ("bad", DB)):
                state.owe(debt(key, server_id=server_id))
                state.hold(hold(key, server_id=server_id))
                state.save_alert(note(key))
                state.begin([intent(key, server_id=server_id)])
        spoil(tmp_path / NAME, sql)
        with told() as kinds, opened(tmp_path, clock) as state:
            for _ in range(3):
                assert debt("good", server_id=WEB) in state.debts()
                assert state.holds()[WEB] == hold("good")
                assert state.alerts()["good", "blocked"] == note("good")
                assert state.past().attempts[WEB].key == "good"
                assert WEB in {entry.server_id for entry in state.history()}
                assert [each.key for each in state.open_intents(WEB) or ()] == ["good"]
                state.usual(DB)
            assert kinds() == ["bad_row"]
            assert state.fault is None
            state.owe(debt("new"))
        assert asides(tmp_path) == []
        with opened(tmp_path, clock) as state:
            assert {"good", "new"} <= {each.key for each in state.debts()}

    def test_that_is_no_hold_keeps_no_restore_off(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.hold(hold("bad"))
            spoil(state.path, "UPDATE holds SET until = 9223372036854775807")
            assert state.hold(hold("good"))
            assert state.holds() == {WEB: hold("good")}

    def test_is_told_with_the_place_the_table_and_what_is_wrong(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            for number in range(5):
                state.owe(debt(str(number)))
        spoil(tmp_path / NAME, "UPDATE debts SET command = 'x' WHERE key > '1'")
        with capture_logs() as log, opened(tmp_path) as state:
            assert len(state.debts()) == 2
            spoil(tmp_path / NAME, "UPDATE debts SET slot = 'x' WHERE key = '0'")
            assert len(state.debts()) == 1
        assert [line["log_level"] for line in log] == ["error", "error"]
        assert f"state {tmp_path / NAME}: 3 rows of debts cannot be read, all others count" in log[0]["reason"]
        assert "(2: Expecting value" in log[0]["reason"]
        assert "a row of debts" in log[1]["reason"]


class TestRemoved:
    @pytest.mark.parametrize("whole", [False, True], ids=["file", "directory"])
    def test_while_in_use_is_noticed_and_begun_anew(self, tmp_path: Path, *, whole: bool) -> None:
        place = tmp_path / "state"
        with told() as kinds, opened(place) as state:
            state.hold(hold())
            state.owe(debt())
            for each in list(place.iterdir()):
                each.unlink()
            if whole:
                place.rmdir()
            state.begin([intent("a")])
            assert kinds() == ["removed"]
            assert kinds("state_recovered") == ["removed"]
        with opened(place) as state:
            assert set(state.past().attempts) == set(state.holds()) == {WEB}
            assert state.debts() == (debt(),)

    def test_is_noticed_while_reading_too_and_what_is_known_still_counts(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.hold(hold())
            state.owe(debt())
            for each in list(tmp_path.iterdir()):
                each.unlink()
            assert state.debts() == (debt(),)
            assert set(state.holds()) == {WEB}
        with opened(tmp_path) as state:
            assert state.debts() == (debt(),)

    def test_hold_that_another_process_wrote_into_the_new_one_stays(self, tmp_path: Path) -> None:
        clock = SetClock()
        with opened(tmp_path, clock) as state:
            state.hold(hold("over", lasts=MINUTE))
            for each in list(tmp_path.iterdir()):
                each.unlink()
            clock.now += MINUTE
            with opened(tmp_path, clock) as other:
                assert other.hold(hold("new", since=clock.now))
            assert state.holds() == {WEB: hold("new", since=clock.now)}

    def test_one_that_was_put_in_its_place_is_used(self, tmp_path: Path) -> None:
        filled(tmp_path / "backup")
        with opened(tmp_path) as state:
            for end in "-wal", "-shm":
                (tmp_path / f"{NAME}{end}").unlink()
            (tmp_path / "backup" / NAME).rename(tmp_path / NAME)
            assert len(state.history()) == 200


@pytest.mark.component
class TestReadOnly:
    def test_what_is_in_it_counts_and_what_is_new_is_written_later(self, tmp_path: Path) -> None:
        with opened(tmp_path) as state:
            state.begin([intent("a", server_id=1)])
            state.hold(hold())
        text = """
        with told() as kinds, opened(place, clock) as state:
            state.begin([intent("b", server_id=2)])
            known = [list(state.past().attempts), list(state.holds())]
            first = kinds()
            os.system(f"mount -o remount,bind,rw {place}")
            clock.now += COOL_OFF
            state.holds()
            again = kinds("state_recovered")
            print(json.dumps([known, first, again, sorted(state.past().attempts)]))
        """
        known, first, again, finally_ = answered(text, tmp_path, *mounted(READ_ONLY), str(tmp_path))
        assert known == [[1], [WEB]]
        assert first == ["read_only"]
        assert again == ["read_only"]
        assert finally_ == [1, 2]

    def test_no_state_yet_is_no_place(self, tmp_path: Path) -> None:
        text = """
        with told() as kinds, opened(place / "state", clock) as state:
            state.begin([intent("b")])
            print(json.dumps([kinds(), state.fault]))
        """
        kinds, trouble = answered(text, tmp_path, *mounted(READ_ONLY), str(tmp_path))
        assert kinds == ["no_place"]
        assert "Read-only file system; make the directory writable" in trouble


@pytest.mark.component
class TestFull:
    @pytest.mark.parametrize("size", ["64k", "256k"])
    def test_rotation_goes_on_and_what_waited_is_written_when_there_is_room(self, tmp_path: Path, size: str) -> None:
        text = """
        with told() as kinds, opened(place, clock) as state:
            state.owe(debt())
            for number in range(300):
                state.begin([intent(str(number), server_id=number, reason="x" * 1000)])
            full = [kinds(), [each.key for each in state.debts()]]
            os.system(f"mount -o remount,size=8m {place}")
            clock.now += COOL_OFF
            state.holds()
            print(json.dumps([*full, kinds("state_recovered"), len(state.history()), len(state.debts())]))
        """
        mount = f'mount -t tmpfs -o size={size},mode=0700 tmpfs "$1"'
        assert answered(text, tmp_path, *mounted(mount), str(tmp_path)) == [["full"], ["d"], ["full"], 300, 1]

    def test_limit_of_a_files_size_is_survived(self, tmp_path: Path) -> None:
        text = """
        import resource
        with told() as kinds, opened(place, clock) as state:
            resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
            state.begin([intent(str(number), server_id=number, reason="x" * 1000) for number in range(300)])
            first = kinds()
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            clock.now += COOL_OFF
            print(json.dumps([len(first), len(state.history())]))
        """
        assert answered(text, tmp_path) == [1, 300]


WRITER = """
with told() as kinds, opened(place) as state:
    for number in range(int(sys.argv[2])):
        key = f"{os.getpid()}-{number}"
        state.begin([intent(key, server_id=key), intent(key + "x", server_id=key + "x")])
        print(key, flush=True)
        state.end(key, Result.SENT, NOW)
        state.holds()
    print(json.dumps(kinds()))
"""


class TestSeveralProcesses:
    def test_daemon_and_one_shot_write_at_once(self, tmp_path: Path) -> None:
        place = tmp_path / "new"
        both = [subprocess.Popen([*program(WRITER, place), "200"], stdout=subprocess.PIPE) for _ in range(2)]
        outputs = [each.communicate(timeout=60)[0] for each in both]
        assert [json.loads(out.splitlines()[-1]) for out in outputs] == [[], []], "they wait for each other, quietly"
        with opened(place) as state:
            assert len(state.history()) == 800

    def test_kill_in_the_middle_of_writing_loses_nothing_that_was_begun(self, tmp_path: Path) -> None:
        for lines in (1, 20, 57):
            with subprocess.Popen([*program(WRITER, tmp_path), "1000000"], stdout=subprocess.PIPE) as writer:
                assert writer.stdout
                begun = {writer.stdout.readline().decode().strip() for _ in range(lines)}
                writer.send_signal(signal.SIGKILL)
                begun |= {line.decode().strip() for line in writer.stdout if line.endswith(b"\n")}
            with told() as kinds, opened(tmp_path) as state:
                assert begun <= {str(entry.server_id) for entry in state.history()}
                assert begun <= set(state.past().attempts)
                assert kinds() == []
            connection = sqlite3.connect(tmp_path / NAME)
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.close()
