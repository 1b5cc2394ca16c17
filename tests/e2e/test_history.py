"""`rotator history` of a prepared state: what an operator sees, asks for, and is told where there is nothing to see."""

from __future__ import annotations

import re
import shlex
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rotator.engine.ledger import Result
from rotator.state import State, state_name
from tests.components import needs_component
from tests.documented import documented
from tests.e2e.account import Account, clock
from tests.e2e.program import SCRIPT, Finished, Program
from tests.state_builders import DAY, HOUR, MINUTE, SetClock, booted, delete, intent, version_1, version_of

DOCUMENT = "docs/history.md"


@pytest.fixture
def now() -> datetime:
    return clock()


@pytest.fixture
def place(account: Account, now: datetime) -> Path:
    """The directory of a state in which five things happened."""
    directory = account.home / "state"
    state = State.open(directory, state_name(account.path), SetClock(now), booted(SetClock(now)), by="run")
    old, new = now - 40 * DAY, now - DAY
    state.begin([intent("a", at=old, slot=old)])
    state.end("a", Result.COMPLETED, old + 5 * MINUTE, snapshot_id=800, took=5 * MINUTE)
    state.begin([delete("b", 801, at=new, reason="no rule of keep: 4 wants it " + "at all " * 20)])
    state.end("b", Result.DONE, new)
    state.begin([intent("c", at=new + HOUR, server="db-server-01", server_id=12346)])
    state.end("c", Result.FAILED, new + 2 * HOUR, detail="answered 400")
    state.begin([delete("d", 802, at=now - HOUR, snapshot="evil\x1b[2Jname")])
    state.begin([intent("e", at=now - MINUTE, verb="restore", cause="by_hand", slot=None, snapshot_id=800)])
    state.close()
    return directory


def history(rotator: Program, place: Path, *arguments: str) -> Finished:
    return rotator("history", "--state-dir", place, *arguments)


def rows(found: Finished) -> list[list[str]]:
    """Server, action and result of every row."""
    lines = [line for line in found.out.splitlines() if line.startswith("20")]
    return [[line[18:36].strip(), line[37:44].strip(), line[70:].strip()] for line in lines]


WEB, DB = "web-server-01", "db-server-01"


class TestTable:
    def test_shows_everything_newest_first_within_80_columns(self, rotator: Program, place: Path) -> None:
        found = history(rotator, place)
        assert (found.code, found.err) == (0, "")
        assert rows(found) == [
            [WEB, "restore", "open"],
            [WEB, "delete", "unknown"],
            [DB, "create", "failed"],
            [WEB, "delete", "done"],
            [WEB, "create", "completed"],
        ]
        assert max(map(len, found.out.splitlines())) <= 80
        assert "  - no rule of keep: 4 wants it at all" in found.out
        assert "  ! answered 400" in found.out
        assert "  ! rotator ended before the answer came" in found.out
        assert found.out.endswith("5 entries: 2 creates, 2 deletes, 1 restore\n")

    def test_name_that_the_api_gave_moves_no_cursor(self, rotator: Program, place: Path) -> None:
        assert "\x1b" not in history(rotator, place).out
        assert "evil\\x1b[2Jname" in history(rotator, place).out

    def test_shows_a_period_whose_end_does_not_belong_to_it(self, rotator: Program, place: Path, now: datetime) -> None:
        assert len(rows(history(rotator, place, "--since", "30d"))) == 4
        assert len(rows(history(rotator, place, "--until", "30d"))) == 1
        start = now - DAY
        found = history(rotator, place, "--since", start.isoformat(), "--until", (start + HOUR).isoformat())
        assert rows(found) == [[WEB, "delete", "done"]]

    def test_shows_servers_by_name_or_id(self, rotator: Program, place: Path) -> None:
        assert {row[0] for row in rows(history(rotator, place, "--server", "12346"))} == {DB}
        assert len(rows(history(rotator, place, "--server", DB, "--server", WEB))) == 5

    def test_says_so_when_nothing_was_done(self, rotator: Program, place: Path) -> None:
        found = history(rotator, place, "--since", "0m")
        assert found.code == 0
        assert found.out.startswith("nothing recorded since 20")

    def test_server_of_the_configuration_needs_no_past(self, rotator: Program, place: Path, account: Account) -> None:
        account.configure(account.server(), account.server(777))
        found = history(rotator, place, "--server", "777")
        assert (found.code, found.out) == (0, "nothing recorded\n")


class TestJson:
    def test_has_every_documented_key_and_no_other(self, rotator: Program, place: Path) -> None:
        found = history(rotator, place, "--json").json
        text = (Path(__file__).parents[2] / DOCUMENT).read_text()
        assert set(found["entries"][0]) == set(re.findall(r"^\| `entries\[\]\.([a-z_]+)`", text, re.MULTILINE))
        assert set(found) == {"generated_at", "state_file", "since", "until", "entries"}

    def test_says_what_was_deleted_and_why(self, rotator: Program, place: Path, now: datetime) -> None:
        entries = history(rotator, place, "--json", "--since", "30d").json["entries"]
        [deleted] = [each for each in entries if each["action"] == "delete" and each["result"] == "done"]
        assert deleted["at"] == (now - DAY).isoformat()
        assert (deleted["server_id"], deleted["snapshot_id"], deleted["cause"]) == (12345, 801, "surplus")
        assert deleted["reason"].startswith("no rule of keep: 4 wants it")
        assert (deleted["by"], deleted["policy"], deleted["duration_s"]) == ("run", "nightly", None)

    def test_is_one_object_also_when_there_is_nothing(self, rotator: Program, place: Path) -> None:
        assert history(rotator, place, "--json", "--since", "0m").json["entries"] == []


class TestTrouble:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["--since", "yesterday"], "--since 'yesterday': this is no time; write 30d for 30 days ago"),
            (["--since", "20261101"], "this is no time"),
            (["--until", "2026-02-30"], "--until '2026-02-30': this is no time"),
            (["--since", "999999w"], "this is no time"),
            (["--since", "1d", "--until", "2d"], "the beginning is not before the end"),
            (["--since", "2999-01-01"], "that is in the future"),
            (["--server", "nobody"], f"no server of this name or id; it has {DB}, {WEB}"),
        ],
    )
    def test_2_for_what_cannot_be_meant(self, rotator: Program, place: Path, arguments: list[str], told: str) -> None:
        found = history(rotator, place, *arguments)
        assert (found.code, found.out) == (2, "")
        assert told in found.err

    def test_1_without_a_state_which_it_does_not_make(self, rotator: Program, account: Account) -> None:
        found = history(rotator, account.home / "none")
        assert (found.code, found.out) == (1, "")
        assert "no history yet: there is no " in found.err
        assert "--state-dir" in found.err
        assert not (account.home / "none").exists()

    def test_1_for_a_damaged_state_which_it_leaves_as_it_is(self, rotator: Program, place: Path) -> None:
        [path] = place.glob("*.db")
        path.write_bytes(b"damage" * 1000)
        found = history(rotator, place)
        assert (found.code, found.out) == (1, "")
        assert "it is damaged" in found.err
        assert "the next `run` or `once` keeps it aside and begins a new one" in found.err
        assert path.read_bytes() == b"damage" * 1000

    def test_broken_configuration_does_not_matter(self, rotator: Program, place: Path, account: Account) -> None:
        account.path.write_text("servers: [")
        assert len(rows(history(rotator, place))) == 5
        assert len(rows(history(rotator, place, "--server", WEB))) == 4

    def test_older_state_is_shown_and_not_converted(self, rotator: Program, account: Account, place: Path) -> None:
        [path] = place.glob("*.db")
        for each in place.iterdir():
            each.unlink()
        version_1(path)
        found = history(rotator, place)
        assert (found.code, found.out) == (0, "nothing recorded\n")
        assert version_of(path) == 1

    def test_reader_that_has_seen_enough_is_no_trouble(self, rotator: Program, place: Path, account: Account) -> None:
        line = f"{SCRIPT} history -c {account.path} --state-dir {place} | head -n 1"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], env=rotator.environment, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


class TestDocument:
    """The commands of the document, on the state that `$STATE_DIRECTORY` names."""

    def test_last_month(self, rotator: Program, place: Path) -> None:
        assert len(rows(typed(rotator, place, documented("docs/history.md", "rotator history --since 30d")))) == 4

    def test_one_server(self, rotator: Program, place: Path) -> None:
        command = documented("docs/history.md", "rotator history --server web-server-01")
        assert {row[0] for row in rows(typed(rotator, place, command))} == {WEB}

    def test_period(self, rotator: Program, place: Path, now: datetime) -> None:
        command = documented("docs/history.md", "rotator history --since 2026-11-01 --until 2026-11-08")
        old = now - 40 * DAY
        dates = {"2026-11-01": f"{old:%Y-%m-%d}", "2026-11-08": f"{old + timedelta(days=7):%Y-%m-%d}"}
        for shown, real in dates.items():
            command = command.replace(shown, real)
        assert rows(typed(rotator, place, command)) == [[WEB, "create", "completed"]]

    def test_as_root(self, rotator: Program, place: Path, account: Account) -> None:
        command = documented("docs/history.md", "sudo rotator history -c /etc/rotator/config.yaml")
        command = command.removeprefix("sudo ").replace("/etc/rotator/config.yaml", str(account.path))
        assert len(rows(typed(rotator, place, command))) == 5

    def test_for_programs(self, rotator: Program, place: Path) -> None:
        needs_component("jq")
        command = documented(
            "docs/history.md",
            'rotator history --since 30d --json | jq -r \'.entries[] | select(.action == "delete" and '
            '.result == "done") | [.at, .server, .name, .reason] | @tsv\'',
        )
        [line] = typed(rotator, place, command).out.splitlines()
        assert line.split("\t")[1] == WEB


def typed(rotator: Program, place: Path, command: str) -> Finished:
    """The command in a shell that finds the script."""
    line = command.replace("rotator history", f"{shlex.quote(str(SCRIPT))} history", 1)
    environment = {**rotator.environment, "STATE_DIRECTORY": str(place)}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], env=environment, cwd=rotator.home, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())
