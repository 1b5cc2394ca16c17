"""Single checks of `rotator doctor`, and that none of them can stop or hold up the others."""

from __future__ import annotations

import argparse
import errno
import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.cli.commands.doctor import document, lines, summary
from rotator.cli.doctor import clock, optional, places, program, service, settings
from rotator.cli.doctor.api import may_write
from rotator.cli.doctor.chart import ApiTime, Chart, Check, Finding, Status, examined, fail, ok, skipped, span, warn
from rotator.config.settings import ApiSettings, CheckIn, Config, NotifySettings, Target, Timing, WebSettings
from rotator.daemon.lock import InstanceLock
from rotator.errors import ConfigError
from rotator.state.fault import FaultKind
from rotator.state.place import state_name
from tests.builders import policy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def chart(tmp_path: Path, environ: Mapping[str, str] | None = None, **named: object) -> Chart:
    given = {"config": None, "token_file": None, "lock_file": None, "state_dir": str(tmp_path / "state")}
    return Chart(argparse.Namespace(**given | named), environ or {}, 0, lambda: NOW)


def config(tmp_path: Path, web: WebSettings | None = None, notify: NotifySettings | None = None) -> Config:
    api = ApiSettings("http://127.0.0.1:9", None, timedelta(seconds=5), 4)
    timing = Timing(timedelta(seconds=15), timedelta(minutes=60))
    return Config(tmp_path / "config.yaml", api, timing, (policy(),), web, notify)


def statuses(found: tuple[Finding, ...]) -> list[str]:
    return [each.status.value for each in found]


class TestExamined:
    def test_a_check_that_breaks_is_a_finding(self, tmp_path: Path) -> None:
        def breaks(_: Chart) -> Iterator[Finding]:
            yield ok("so far")
            raise ValueError("no such thing")

        found = examined(breaks, chart(tmp_path))
        assert statuses(found) == ["ok", "fail"]
        assert found[1].text == "this check broke: ValueError: no such thing"

    def test_an_error_that_rotator_explains_is_told_in_its_words(self, tmp_path: Path) -> None:
        def refuses(_: Chart) -> list[Finding]:
            raise ConfigError(("the reason",))

        assert examined(refuses, chart(tmp_path))[0].text == "the reason"

    def test_a_check_that_hangs_is_left_behind(self, tmp_path: Path) -> None:
        over = threading.Event()

        def hangs(_: Chart) -> Iterator[Finding]:
            yield ok("so far")
            over.wait(20)

        found = examined(hangs, chart(tmp_path), patience=0.05)
        over.set()
        assert statuses(found) == ["ok", "fail"]
        assert found[1].text == "no answer within 0.05 s"


class TestClock:
    @pytest.mark.parametrize(
        ("ahead", "status", "words"),
        [
            (0.4, "ok", "within a second"),
            (-0.9, "ok", "within a second"),
            (20, "ok", "19 s ahead of"),
            (-45, "warn", "44 s behind"),
            (3600, "fail", "60 min ahead of"),
            (-400, "fail", "snapshots get the wrong slot"),
        ],
    )
    def test_is_compared_with_the_api(self, tmp_path: Path, ahead: float, status: str, words: str) -> None:
        examination = chart(tmp_path)
        examination.api_time = ApiTime(NOW, NOW + timedelta(seconds=ahead))
        (found,) = clock.skew(examination)
        assert found.status.value == status
        assert words in found.text

    @pytest.mark.parametrize(
        ("script", "status"), [("echo yes", "ok"), ("echo no", "warn"), ("exit 1", "skipped"), (None, "skipped")]
    )
    def test_synchronisation_is_what_the_system_says(self, tmp_path: Path, script: str | None, status: str) -> None:
        if script:
            (tmp_path / "timedatectl").write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / "timedatectl").chmod(0o755)
        (found,) = clock.synchronised(chart(tmp_path, {"PATH": str(tmp_path)}))
        assert found.status.value == status

    def test_a_zone_without_data_is_told(self, tmp_path: Path) -> None:
        examination = chart(tmp_path)
        examination.config = config(tmp_path)
        assert statuses(examined(clock.zones, examination)) == ["ok"]


class TestPlaces:
    def test_a_state_that_is_not_there_yet_is_fine(self, tmp_path: Path) -> None:
        examination = chart(tmp_path)
        examination.config = config(tmp_path)
        (place,) = places.directory(examination)
        assert (place.status, "made by the first run" in place.text) == (Status.OK, True)
        assert statuses(examined(places.database, examination)) == ["ok"]
        assert not (tmp_path / "state").exists()

    def test_a_state_that_is_no_database_is_told(self, tmp_path: Path) -> None:
        examination = chart(tmp_path)
        examination.config = config(tmp_path)
        state = tmp_path / "state"
        state.mkdir(mode=0o700)
        path = state / state_name(examination.config.path)
        path.write_text("this is not a database, and it is long enough to be read as one" * 20)
        path.chmod(0o600)
        (found,) = examined(places.database, examination)
        assert found.status is Status.FAIL
        assert str(path) in found.text
        assert found.remedy

    def test_a_damaged_state_has_a_remedy_of_its_own(self, tmp_path: Path) -> None:
        examination = chart(tmp_path)
        examination.config = config(tmp_path)
        path = tmp_path / "state" / state_name(examination.config.path)
        path.parent.mkdir(mode=0o700)
        path.write_bytes(b"damage" * 1000)
        path.chmod(0o600)
        (found,) = examined(places.database, examination)
        assert found.status is Status.FAIL
        assert found.remedy.startswith("the next `rotator run` or `once` keeps it aside")

    def test_every_fault_has_a_remedy(self) -> None:
        told_by_the_first_run = {"removed", "no_place"}
        assert set(places._REMEDIES) == {kind.value for kind in FaultKind} - told_by_the_first_run

    def test_a_directory_that_others_may_write_is_told_before_there_is_a_state(self, tmp_path: Path) -> None:
        examination = chart(tmp_path)
        examination.config = config(tmp_path)
        (tmp_path / "state").mkdir()
        (tmp_path / "state").chmod(0o777)
        (found,) = examined(places.database, examination)
        assert found.status is Status.FAIL
        assert "may be written by other users (mode 0777)" in found.text
        assert "chmod go-w" in found.remedy

    @pytest.mark.parametrize("check", [places.directory, places.database])
    def test_a_folder_that_this_user_may_not_look_into_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Check
    ) -> None:
        def refused(_: Path) -> bool:
            raise PermissionError(errno.EACCES, "Permission denied")

        examination = chart(tmp_path)
        examination.config = config(tmp_path)
        monkeypatch.setattr(Path, "exists", refused)
        (found,) = examined(check, examination)
        assert found.status is Status.FAIL
        assert found.text.endswith(": Permission denied")
        assert found.remedy.startswith("let this user into every folder above it")

    def test_a_file_in_the_place_of_the_directory_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "state").touch()
        assert statuses(examined(places.directory, chart(tmp_path))) == ["fail"]

    def test_the_lock_tells_who_holds_it(self, tmp_path: Path) -> None:
        examination = chart(tmp_path, lock_file=str(tmp_path / "lock"))
        (free,) = places.lock(examination)
        assert "free" in free.text
        with InstanceLock(tmp_path / "lock"):
            examination.clock = lambda: datetime.now(UTC)
            (held,) = places.lock(examination)
            examination.clock = lambda: datetime.now(UTC) + timedelta(hours=1)
            (still,) = places.lock(examination)
        assert (held.status, still.status) == (Status.OK, Status.FAIL)
        assert "whose loop turned 60 min ago" in still.text


class TestService:
    @pytest.mark.parametrize(
        ("active", "enabled", "status"),
        [
            ("active", "enabled", "ok"),
            ("active", "disabled", "warn"),
            ("inactive", "enabled", "warn"),
            ("inactive", "disabled", "ok"),
            ("failed", "enabled", "fail"),
        ],
    )
    def test_a_unit_is_judged_by_what_it_does_and_is_to_do(self, active: str, enabled: str, status: str) -> None:
        shown = f"Id=rotator.service\nLoadState=loaded\nActiveState={active}\nSubState=x\nUnitFileState={enabled}\n"
        (unit,) = service.units(shown)
        assert service.judged(unit).status.value == status

    def test_several_units_are_told_apart(self) -> None:
        assert [each["Id"] for each in service.units("Id=a\nX=1\n\nId=b\nX==2\n")] == ["a", "b"]

    def test_a_proxy_is_named_and_not_shown(self, tmp_path: Path) -> None:
        (found,) = service.proxies(chart(tmp_path, {"https_proxy": "http://user:secret@proxy", "no_proxy": "x"}))
        assert (found.status, found.text) == (Status.WARN, "set: https_proxy")
        (none,) = service.proxies(chart(tmp_path, {"HTTPS_PROXY": ""}))
        assert none.status is Status.OK

    @pytest.mark.parametrize(
        ("environ", "mark", "words"),
        [
            ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None, "in Kubernetes"),
            ({}, "run/.containerenv", "in a container"),
            ({"INVOCATION_ID": "1"}, None, "under systemd"),
            ({"TERM": "xterm"}, None, "from a shell"),
            ({}, None, "without a terminal, as from cron"),
        ],
    )
    def test_surroundings(self, tmp_path: Path, environ: dict[str, str], mark: str | None, words: str) -> None:
        if mark:
            (tmp_path / mark).parent.mkdir()
            (tmp_path / mark).touch()
        assert service.surroundings(environ, tmp_path) == words


class TestOptional:
    def page(self, tmp_path: Path, listen: str, lock: Path) -> Finding:
        examination = chart(tmp_path, lock_file=str(lock))
        examination.config = config(tmp_path, web=WebSettings(listen))
        return next(iter(optional.page(examination)))

    def test_the_place_of_the_page_is_free_taken_or_ours(self, tmp_path: Path) -> None:
        lock = tmp_path / "lock"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listen = f"127.0.0.1:{listener.getsockname()[1]}"
            assert self.page(tmp_path, listen, lock).status is Status.FAIL
            with InstanceLock(lock):
                assert self.page(tmp_path, listen, lock).status is Status.OK
        assert self.page(tmp_path, listen, lock).status is Status.OK
        with InstanceLock(lock):
            assert self.page(tmp_path, listen, lock).status is Status.WARN

    def test_a_unix_socket_is_looked_at_too(self, tmp_path: Path) -> None:
        path = str(tmp_path / "page.sock")
        assert not optional.listens(path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            assert optional.listens(path)

    def test_secrets_in_addresses_are_not_shown(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object) -> list[object]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        gone = tmp_path / "gone"
        notify = NotifySettings(
            timedelta(days=1),
            check_ins=(CheckIn(Target("https://check-in.invalid/SECRET"), timedelta(hours=1)),),
            apprise=(Target("slack://SECRET/SECRET"), Target(url_file=gone)),
        )
        examination = chart(tmp_path)
        examination.config = config(tmp_path, notify=notify)
        found = examined(optional.notifications, examination)
        assert statuses(found) == ["fail", "warn"]
        assert str(gone) in found[0].text
        assert found[1].text.startswith("check-in.invalid: the name cannot be resolved")
        assert "SECRET" not in str(found)


@pytest.mark.parametrize(
    ("permission", "may"),
    [
        ("write", True),
        ("snapshots:write", True),
        ("read_write", True),
        ("*", True),
        ("Full access", True),
        ("all", True),
        ("read", False),
        ("read-only, all servers", False),
        ("all servers", False),
        ("overwritten", False),
        ("", False),
    ],
)
def test_a_permission_is_judged_by_whole_words(permission: str, may: bool) -> None:
    assert may_write(permission) is may


class TestSettings:
    def test_a_configuration_that_everybody_may_change_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text("servers:\n  - {id: 1, name: web, schedule: daily}\n")
        path.chmod(0o666)
        found = examined(settings.configuration, chart(tmp_path, config=str(path)))
        assert statuses(found) == ["ok", "fail"]
        assert found[1].remedy == f"chmod o-w {path}"

    def test_the_first_of_several_problems_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text("servers:\n  - {id: 1, name: web, schedule: daily, kep: 1}\nnonsense: 1\n")
        examination = chart(tmp_path, config=str(path))
        (found,) = examined(settings.configuration, examination)
        assert found.status is Status.FAIL
        assert found.text.endswith("(and 1 more)")
        assert examination.config is None

    def test_the_place_of_the_token_is_told_with_its_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("not-to-be-shown\n")
        path.chmod(0o644)
        found = examined(settings.token, chart(tmp_path, token_file=str(path)))
        assert statuses(found) == ["warn", "ok"]
        assert "(0644, " in found[1].text
        assert "not-to-be-shown" not in str(found)


def test_packages_and_extras_are_counted(tmp_path: Path) -> None:
    (found,) = program.packages(chart(tmp_path))
    assert found.status is Status.OK
    assert "requests " in found.text
    assert program.has_extra("web") is ("web: yes" in next(iter(program.extras(chart(tmp_path)))).text)
    assert not program.has_extra("there-is-no-such-extra")
    assert program.installed("there-is-no-such-package") is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.084, "84 ms"), (2.44, "2.4 s"), (45, "45 s"), (180, "3 min"), (18_000, "5 h"), (1_036_800, "12 days")],
)
def test_span(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_a_line_is_wrapped_and_has_its_remedy_below() -> None:
    shown = list(lines("API address", warn("slow " * 20, "wait for " + "better " * 12 + "days")))
    assert shown[0].startswith("warn  API address      slow")
    assert shown[-1].splitlines()[0].startswith(" " * 23 + "-> wait for better")
    assert max(len(line) for each in shown for line in each.splitlines()) <= 80


def test_a_name_cannot_move_the_cursor() -> None:
    assert "\x1b" not in "".join(lines("servers", fail("\x1b[2Jgone", "look\x1b[2J")))


def test_the_document_has_every_finding() -> None:
    seen = [("a", ok("fine")), ("b", fail("bad", "mend it")), ("c", skipped("no")), ("d", warn("hm", "look"))]
    shown = document(seen, NOW)
    assert shown["generated_at"] == "2026-11-23T12:00:00+00:00"
    assert shown["findings"][1] == {"check": "b", "status": "fail", "finding": "bad", "remedy": "mend it"}
    assert shown["findings"][0]["remedy"] is None
    assert summary(each for _, each in seen) == "\n1 failed, 1 warning, 1 ok"
