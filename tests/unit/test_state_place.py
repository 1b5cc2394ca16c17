"""Where a state is kept, whom its directory may belong to, and what is said where it cannot be used."""

from __future__ import annotations

import grp
import os
import pwd
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.engine.ledger import Past
from rotator.state import default_state_dir, state_name
from rotator.state.fault import FaultKind, StateError
from rotator.state.place import may_command, require_trust
from rotator.state.schema import VERSION
from tests.builders import WEB
from tests.state_builders import NAME, SetClock, debt, delete, hold, intent, note, opened, told, version_1, version_of

STRANGER = 54321
"""No user of any machine has this number."""


class TestDefaultPlace:
    @pytest.mark.parametrize(
        ("environ", "uid", "place"),
        [
            ({"STATE_DIRECTORY": "/var/lib/rotator-x"}, 1000, "/var/lib/rotator-x"),
            ({"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, 0, "/var/lib/a"),
            ({"STATE_DIRECTORY": "relative", "XDG_STATE_HOME": "/s"}, 0, "/var/lib/rotator"),
            ({"STATE_DIRECTORY": ""}, 0, "/var/lib/rotator"),
            ({"XDG_STATE_HOME": "/home/a/state"}, STRANGER, "/home/a/state/rotator"),
            ({"XDG_STATE_HOME": "relative"}, STRANGER, "/var/lib/rotator"),
            ({}, STRANGER, "/var/lib/rotator"),
        ],
    )
    def test_is_the_first_of_service_system_and_user(self, environ: dict[str, str], uid: int, place: str) -> None:
        assert default_state_dir(environ, uid) == Path(place)

    def test_home_comes_from_the_user_database_since_cron_and_a_shell_differ_in_variables(self) -> None:
        user = next(each for each in pwd.getpwall() if each.pw_uid != 0)
        assert default_state_dir({"HOME": "/elsewhere"}, user.pw_uid) == Path(user.pw_dir, ".local/state/rotator")

    def test_name_is_of_the_configuration_wherever_it_is_named_from(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "prod.yaml"
        path.touch()
        (tmp_path / "link.yaml").symlink_to(path)
        monkeypatch.chdir(tmp_path)
        assert state_name(path) == state_name(Path("prod.yaml")) == state_name(tmp_path / "link.yaml")
        assert state_name(path).startswith("prod-")
        assert state_name(path).endswith(".db")
        assert state_name(path) != state_name(tmp_path / "other" / "prod.yaml")


def distrusted(path: Path, uid: int) -> str:
    """Why the place cannot be relied on; nothing if it can."""
    try:
        require_trust(path, uid)
    except StateError as error:
        return str(error) if error.fault.kind is FaultKind.UNTRUSTED else ""
    return ""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty state file of this user, in a directory of its own."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    path = directory / NAME
    path.touch(mode=0o600)
    return path


ME = os.geteuid()


class TestTrust:
    def test_own_place_is_trusted(self, place: Path) -> None:
        assert not distrusted(place, ME)
        assert may_command(place, ME)

    @pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
    def test_directory_that_everybody_may_write_is_not(self, place: Path, mode: int) -> None:
        place.parent.chmod(mode)
        assert f"may be written by other users (mode {mode:04o}): chmod go-w it" in distrusted(place, ME)

    @pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
    def test_file_that_everybody_may_write_is_not(self, place: Path, end: str) -> None:
        beside = Path(f"{place}{end}")
        beside.touch()
        beside.chmod(0o666)
        assert f"{beside} may be written by other users" in distrusted(place, ME)

    @pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
    def test_link_in_its_place_is_not(self, place: Path, tmp_path: Path, end: str) -> None:
        beside = Path(f"{place}{end}")
        beside.unlink(missing_ok=True)
        (tmp_path / "target").touch()
        beside.symlink_to(tmp_path / "target")
        assert "is no regular file" in distrusted(place, ME)

    def test_place_of_another_user_is_not(self, place: Path) -> None:
        if ME == 0:
            os.chown(place, STRANGER, STRANGER)
        assert f"belongs to user {STRANGER if ME == 0 else ME}" in distrusted(place, 0 if ME == 0 else STRANGER)

    def test_group_is_trusted_where_it_is_the_users_own(self, place: Path) -> None:
        if ME == 0:
            os.chown(place.parent, STRANGER, STRANGER)
            os.chown(place, STRANGER, STRANGER)
        uid = place.stat().st_uid
        place.parent.chmod(0o2770)
        private = place.parent.stat().st_gid == uid and not grp_members(uid)
        assert bool(distrusted(place, uid)) is not private

    def test_group_of_others_is_not_trusted(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        place.parent.chmod(0o770)
        everybody = grp.struct_group(("team", "x", ME, ["alice"]))
        monkeypatch.setattr("rotator.state.place.grp.getgrgid", lambda _: everybody)
        assert "may be written by other users" in distrusted(place, ME)

    @pytest.mark.skipif(ME != 0, reason="only root can give files away")
    def test_root_relies_on_the_user_whose_directory_it_names_but_runs_no_command_of_theirs(self, place: Path) -> None:
        os.chown(place.parent, STRANGER, STRANGER)
        os.chown(place, STRANGER, STRANGER)
        assert not distrusted(place, 0)
        assert not may_command(place, 0)
        assert may_command(place, STRANGER)


def grp_members(gid: int) -> list[str]:
    try:
        return grp.getgrgid(gid).gr_mem
    except KeyError:
        return []


@pytest.mark.skipif(ME != 0, reason="only root can give files away")
class TestRootInAnotherUsersDirectory:
    """As `rotator once` of root is, beside a service with DynamicUser."""

    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        directory = tmp_path / "private"
        directory.mkdir(mode=0o700)
        os.chown(directory, STRANGER, STRANGER)
        return directory

    def test_all_that_it_makes_belongs_to_that_user(self, directory: Path) -> None:
        with opened(directory) as state:
            state.begin([intent("a")])
            owners = {each.name: each.stat().st_uid for each in directory.iterdir()}
        assert owners == {NAME: STRANGER, f"{NAME}-wal": STRANGER, f"{NAME}-shm": STRANGER}

    def test_commands_of_that_user_are_left_to_it_and_that_is_said_once(self, directory: Path) -> None:
        with opened(directory) as state:
            state.owe(debt("of the service"))
        with told() as kinds, opened(directory) as state:
            assert list(state.debts()) == []
            assert list(state.debts()) == []
            assert kinds() == ["untrusted"]
            state.owe(debt("of root"))
            assert [each.key for each in state.debts()] == ["of root"]
        assert len(kinds()) == 1


class TestVersions:
    def test_older_one_is_converted_with_all_that_is_in_it(self, place: Path) -> None:
        version_1(place)
        connection = sqlite3.connect(place)
        connection.execute(
            "INSERT INTO actions (key, at, server_id, server, policy, verb, cause, snapshot, reason, by, attempt,"
            " pass_id) VALUES ('a', 0, '12345', 'w', '', 'create', 'slot', 's', '', 'run', 1, '')"
        )
        connection.execute(
            "INSERT INTO debts VALUES ('d', '1', 'w', '', 's', 0, '{\"argv\":[],\"shell\":false}', 0, 0, 0,"
            " 'completed', 0)"
        )
        connection.commit()
        connection.close()
        with told() as kinds, opened(place.parent) as state:
            state.save_alert(note())
            assert len(state.alerts()) == 1
            assert (len(state.history()), len(state.debts())) == (1, 1)
            assert kinds() == []
        assert version_of(place) == VERSION

    def test_newer_one_is_left_alone_and_rotation_goes_on_without(self, place: Path) -> None:
        with opened(place.parent) as state:
            state.begin([intent("a")])
        connection = sqlite3.connect(place)
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.close()
        before = place.read_bytes()
        with told() as kinds, opened(place.parent) as state:
            state.begin([delete("b")])
            assert state.past() == Past()
            assert not state.hold(hold())
            assert "a newer rotator wrote it" in (state.fault or "")
            assert kinds() == ["newer"]
        assert place.read_bytes() == before
        assert sorted(each.name for each in place.parent.iterdir() if "corrupt" in each.name) == []

    def test_database_of_another_program_is_left_alone(self, place: Path) -> None:
        connection = sqlite3.connect(place)
        connection.execute("CREATE TABLE treasures (name)")
        connection.commit()
        connection.close()
        before = place.read_bytes()
        with opened(place.parent) as state:
            assert "the database of another program" in (state.fault or "")
        assert place.read_bytes() == before


class TestNoPlace:
    @pytest.mark.parametrize(
        "make", [lambda path: path.touch(), lambda path: path.symlink_to("nowhere")], ids=["file", "dangling link"]
    )
    def test_is_told_with_a_remedy_and_stops_nothing(self, tmp_path: Path, make: Callable[[Path], None]) -> None:
        make(tmp_path / "place")
        with told() as kinds, opened(tmp_path / "place") as state:
            state.owe(debt())
            state.save_alert(note())
            assert state.debts() == (debt(),), "kept in memory meanwhile"
            assert state.alerts() == {("web-server-01", "blocked"): note()}
            assert state.past() == Past()
            assert state.usual(WEB) is None
            assert "File exists" in (state.fault or "")
            assert "--state-dir" in (state.fault or "")
            assert state.identity is None
        assert kinds() == ["no_place"]

    def test_what_waited_is_written_once_there_is_one(self, tmp_path: Path) -> None:
        clock = SetClock()
        (tmp_path / "place").touch()
        with told() as kinds, opened(tmp_path / "place", clock) as state:
            state.owe(debt())
            state.begin([intent("a")])
            (tmp_path / "place").unlink()
            assert state.usual(WEB) is None
            assert kinds("state_recovered") == [], "it is not looked at with every call"
            clock.now = clock.now.replace(minute=1)
            assert state.usual(WEB) is None
            assert kinds("state_recovered") == ["no_place"]
            assert state.fault is None
        with opened(tmp_path / "place") as state:
            assert state.debts() == (debt(),)
            assert set(state.past().attempts) == {WEB}

    def test_untrusted_place_is_not_used_at_all(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o777)
        with told() as kinds, opened(tmp_path) as state:
            state.begin([intent("a")])
        assert kinds() == ["untrusted"]
        assert list(tmp_path.iterdir()) == []


def test_mode_of_what_root_or_a_user_makes_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with opened(tmp_path / "state"):
            assert stat.S_IMODE((tmp_path / "state" / NAME).stat().st_mode) == 0o600
            assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    finally:
        os.umask(before)
