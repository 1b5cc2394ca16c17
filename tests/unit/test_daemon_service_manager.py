"""systemd is told, in its own datagrams, whether the daemon is ready, alive, reloading or ending, and how it stands."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rotator.config import ApiSettings, Config, Timing
from rotator.daemon.service_manager import LONGEST_STATUS, ServiceManager
from rotator.engine import Kind, Outcome, Report
from rotator.errors import UnavailableError
from rotator.model import Plan, Policy
from tests.builders import policy
from tests.conftest import NOW

PID = 4711
HOUR = timedelta(hours=1)
WATCHDOG = {"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(PID)}


class Systemd:
    """The other end: a socket, and the seconds that have passed."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.environ = {"NOTIFY_SOCKET": address}
        self.seconds = 100.0

    def manager(self, **environ: str) -> ServiceManager:
        return ServiceManager(self.environ | environ, PID, lambda: self.seconds)

    def told(self) -> list[list[str]]:
        """The datagrams since the last time this was asked, each as its lines."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65536).decode().split("\n"))
            except BlockingIOError:
                return found

    def status(self) -> str:
        """The last status said since the last time anything was asked."""
        lines = [line for datagram in self.told() for line in datagram if line.startswith("STATUS=")]
        return lines[-1].removeprefix("STATUS=") if lines else ""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(str(tmp_path / "notify"))
    with systemd.socket:
        yield systemd


def config(*policies: Policy) -> Config:
    api = ApiSettings("http://127.0.0.1/api/v1", None, timedelta(seconds=30), 4)
    return Config(Path("/etc/rotator/config.yaml"), api, Timing(HOUR, HOUR), policies)


def outcome(of: Policy, kind: Kind = Kind.IDLE, next_slot: datetime | None = None, *problems: str) -> Outcome:
    plan = Plan(of.server_id, of.server, NOW, False, next_slot) if next_slot else None
    return Outcome(of, kind, plan=plan, problems=problems)


WEB = policy(1, server="web-01")
DB = policy(2, server="db-01", timezone="Europe/Paris")


class TestReady:
    def test_is_said_with_a_configuration_in_force(self, systemd: Systemd) -> None:
        systemd.manager().configured(config(WEB), NOW)
        assert systemd.told() == [["READY=1", "STATUS=1 server, not looked at yet"]]

    def test_is_said_again_after_a_reload(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB), NOW)
        systemd.told()
        systemd.seconds = 12.3456789
        manager.reloading(NOW)
        assert systemd.told() == [["RELOADING=1", "MONOTONIC_USEC=12345678"]]
        manager.configured(config(WEB, DB), NOW)
        assert systemd.told() == [["READY=1", "STATUS=2 servers, not looked at yet"]]

    def test_is_said_for_the_old_configuration_with_what_is_wrong_with_the_new_one(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB), NOW)
        manager.reloading(NOW)
        manager.configured(config(WEB), NOW, ("config.yaml:3:5: kep is unknown", "and another", "and a third"))
        ready, status = systemd.told()[-1]
        rejected = "the new configuration was rejected, the old one stays in force: config.yaml:3:5: kep is unknown"
        assert (ready, status) == ("READY=1", f"STATUS={rejected} (and 2 more); 1 server, not looked at yet")
        manager.passed(Report((outcome(WEB, next_slot=NOW + HOUR),)), NOW)
        assert systemd.status() == f"{rejected} (and 2 more); 1 server, next 03:00 web-01"
        manager.configured(config(WEB), NOW)
        assert systemd.status() == "1 server, next 03:00 web-01"

    def test_is_said_by_the_next_turn_of_the_loop_if_a_reload_came_to_nothing(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB), NOW)
        manager.reloading(NOW)
        systemd.told()
        manager.woke(NOW)
        manager.woke(NOW)
        assert systemd.told() == [["READY=1"]]


class TestStatus:
    def test_counts_and_names_what_comes_next(self, systemd: Systemd) -> None:
        servers = [policy(number, server=f"web-{number:02}") for number in range(1, 1001)]
        manager = systemd.manager()
        manager.configured(config(*servers), NOW)
        outcomes = [outcome(each, next_slot=NOW + timedelta(hours=2)) for each in servers]
        outcomes[0] = outcome(servers[0], next_slot=NOW + HOUR)
        outcomes[1:4] = [replace(each, kind=kind) for each, kind in zip(outcomes[1:4], BUSY, strict=True)]
        outcomes[4:6] = [replace(each, kind=Kind.FAILED, problems=("404",)) for each in outcomes[4:6]]
        manager.passed(Report(tuple(outcomes)), NOW)
        assert systemd.status() == "1,000 servers, 3 in progress, 2 with problems, next 03:00 web-01"

    @pytest.mark.parametrize(
        ("slot", "words"),
        [
            (NOW + timedelta(hours=20), "next 23:00 db-01"),
            (NOW + timedelta(hours=21), "next Tue 00:00 db-01"),
            (NOW + timedelta(days=6), "next Sun 03:00 db-01"),
            (NOW + timedelta(days=7), "next 2026-11-30 03:00 db-01"),
        ],
    )
    def test_shows_the_clock_of_the_server(self, systemd: Systemd, slot: datetime, words: str) -> None:
        manager = systemd.manager()
        manager.configured(config(DB), NOW)
        manager.passed(Report((outcome(DB, next_slot=slot),)), NOW)
        assert systemd.status() == f"1 server, {words}"

    def test_shows_when_a_slot_is_taken_with_its_splay(self, systemd: Systemd) -> None:
        late = replace(WEB, splay=timedelta(minutes=7))
        manager = systemd.manager()
        manager.configured(config(late), NOW)
        manager.passed(Report((outcome(late, next_slot=NOW + HOUR),)), NOW)
        assert systemd.status() == "1 server, next 03:07 web-01"

    def test_remembers_servers_that_a_pass_left_out(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB, DB), NOW)
        manager.passed(Report((outcome(WEB, next_slot=NOW + HOUR), outcome(DB, Kind.WAITING))), NOW)
        manager.passed(Report((outcome(DB, next_slot=NOW + timedelta(hours=2)),)), NOW)
        assert systemd.status() == "2 servers, next 03:00 web-01"

    def test_keeps_the_next_slot_of_a_server_that_cannot_be_looked_at(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB), NOW)
        manager.passed(Report((outcome(WEB, next_slot=NOW + HOUR),)), NOW)
        failed = outcome(WEB, Kind.SKIPPED, None, "API unreachable")
        manager.passed(Report((failed,), UnavailableError("the API cannot be reached\nsecond line")), NOW)
        assert systemd.status() == "1 server, 1 with problems, next 03:00 web-01; the API cannot be reached"
        manager.passed(Report((failed,)), NOW + 2 * HOUR)
        assert systemd.status() == "1 server, 1 with problems", "a slot in the past is not what comes next"

    def test_forgets_servers_that_are_no_longer_configured(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB, DB), NOW)
        manager.passed(Report((outcome(WEB, Kind.FAILED, None, "x"), outcome(DB, next_slot=NOW + HOUR))), NOW)
        manager.configured(config(DB), NOW)
        assert systemd.status() == "1 server, next 04:00 db-01"

    def test_is_said_once_as_long_as_it_is_the_same(self, systemd: Systemd) -> None:
        manager = systemd.manager()
        manager.configured(config(WEB), NOW)
        report = Report((outcome(WEB, next_slot=NOW + HOUR),))
        manager.passed(report, NOW)
        systemd.told()
        manager.passed(report, NOW)
        assert systemd.told() == []

    def test_stays_one_short_line_whatever_a_name_holds(self, systemd: Systemd) -> None:
        evil = replace(WEB, server="web\nREADY=0\x1b[2J" + "x" * 1000)
        manager = systemd.manager()
        manager.configured(config(evil), NOW)
        manager.passed(Report((outcome(evil, next_slot=NOW + HOUR),)), NOW)
        [[status]] = systemd.told()[1:]
        assert status.startswith("STATUS=1 server, next 03:00 web\\nREADY=0\\x1b[2Jxxx")
        assert status.endswith("x…")
        assert len(status) == len("STATUS=") + LONGEST_STATUS


BUSY = (Kind.ACTED, Kind.WAITING, Kind.UNCERTAIN)


class TestWatchdog:
    def test_is_fed_by_turns_of_the_loop_every_half_period(self, systemd: Systemd) -> None:
        manager = systemd.manager(**WATCHDOG)
        fed = []
        for _ in range(7):
            manager.woke(NOW)
            fed.append(systemd.told())
            systemd.seconds += 30
        assert fed == [[["WATCHDOG=1"]], [], [], [["WATCHDOG=1"]], [], [], [["WATCHDOG=1"]]]

    def test_is_fed_without_a_named_process(self, systemd: Systemd) -> None:
        systemd.manager(WATCHDOG_USEC="1000000").woke(NOW)
        assert systemd.told() == [["WATCHDOG=1"]]

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"WATCHDOG_USEC": ""},
            {"WATCHDOG_USEC": "0"},
            {"WATCHDOG_USEC": "-5"},
            {"WATCHDOG_USEC": "soon"},
            WATCHDOG | {"WATCHDOG_PID": "1"},
        ],
    )
    def test_that_is_not_for_this_process_is_not_fed(self, systemd: Systemd, environ: dict[str, str]) -> None:
        systemd.manager(**environ).woke(NOW)
        assert systemd.told() == []


class TestEnd:
    def test_is_said_with_its_reason(self, systemd: Systemd) -> None:
        systemd.manager().closing("asked to stop")
        assert systemd.told() == [["STOPPING=1", "STATUS=stopping: asked to stop"]]


def everything(manager: ServiceManager) -> None:
    manager.configured(config(WEB), NOW)
    manager.reloading(NOW)
    manager.passed(Report((outcome(WEB, next_slot=NOW + HOUR),)), NOW)
    manager.woke(NOW)
    manager.closing("asked to stop")


def flood(address: str) -> None:
    """Send until nothing more fits in."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        while True:
            sender.sendto(b"x", address)


class TestSocket:
    def test_may_be_an_abstract_one(self) -> None:
        systemd = Systemd(f"@rotator-test-{os.getpid()}")
        with systemd.socket:
            systemd.manager().closing("x")
            assert systemd.told() == [["STOPPING=1", "STATUS=stopping: x"]]

    @pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/nobody/is/here", "@nobody", "/" + "x" * 200])
    def test_that_cannot_be_used_raises_nothing(self, address: str) -> None:
        everything(ServiceManager({"NOTIFY_SOCKET": address, **WATCHDOG}, PID, lambda: 0.0))

    def test_that_is_full_holds_nothing_up_for_long(self, systemd: Systemd) -> None:
        begun = datetime.now(UTC)
        with pytest.raises(BlockingIOError):
            flood(systemd.environ["NOTIFY_SOCKET"])
        systemd.manager().closing("x")
        assert datetime.now(UTC) - begun < timedelta(seconds=5)

    def test_that_is_not_named_means_that_nobody_is_there(self, systemd: Systemd) -> None:
        assert systemd.manager().is_there
        nobody = ServiceManager({}, PID, lambda: 0.0)
        everything(nobody)
        assert not nobody.is_there
        assert systemd.told() == []
