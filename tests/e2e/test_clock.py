"""A year in seconds, over both changes of daylight saving of either hemisphere: the daemon and its API on one clock."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from rotator.naming import slot_in_name
from tests.components import clear_faketime, needs_component
from tests.e2e.program import SCRIPT, Program, until

SPEED = 1000
"""A minute is 60 ms. Where nothing is due, time is skipped: for the daemon that is as if it had slept."""

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TOKEN = "fast-clock"
PARIS, SYDNEY = 10001, 10002
ZONES = {PARIS: ZoneInfo("Europe/Paris"), SYDNEY: ZoneInfo("Australia/Sydney")}
KEEP = {PARIS: 5, SYDNEY: 3}
AT = time_of_day(2, 30)
"""In both zones this time comes twice on one night of the year, and on another not at all."""

BOTH = """\
unset FAKETIME
"$0" sandbox --port "$1" --servers 2 --create-time 1m --token "$ROTATOR_API_TOKEN" >sandbox.log 2>&1 &
exec "$0" run --log-level debug -c config.yaml
"""
"""Both processes are children of one `faketime`, which is what makes their clocks one; a file says what it shows."""


def slot_of(zone: ZoneInfo, day: date) -> datetime:
    """The slot of a local day: the first 02:30 if there are two, the end of the gap if there is none."""
    slot = datetime.combine(day, AT, zone).astimezone(UTC)
    if slot.astimezone(zone).time() == AT:
        return slot
    return datetime.combine(day, time_of_day(3), zone).astimezone(UTC)


def latest_slot(zone: ZoneInfo, moment: datetime) -> datetime:
    """The last slot that has come by then."""
    day = moment.astimezone(zone).date()
    return max(slot for back in (0, 1) if (slot := slot_of(zone, day - back * DAY)) <= moment)


@dataclass(frozen=True, order=True)
class Stop:
    """An instant to be passed at the speed of the clock; `server_id` has a slot at it, or nobody has."""

    at: datetime
    server_id: int | None = None


def nights(server_id: int, *days: str) -> Iterator[Stop]:
    """The slots of a server on these days."""
    for day in days:
        yield Stop(slot_of(ZONES[server_id], date.fromisoformat(day)), server_id)


STOPS = sorted(
    [
        *nights(PARIS, "2026-03-28", "2026-03-29", "2026-03-30", "2026-05-15", "2026-07-15", "2026-09-15"),
        *nights(SYDNEY, "2026-04-04", "2026-04-05", "2026-04-06", "2026-06-15", "2026-08-15"),
        *nights(SYDNEY, "2026-10-03", "2026-10-04", "2026-10-05", "2026-12-15", "2027-02-15"),
        *nights(PARIS, "2026-10-24", "2026-10-25", "2026-10-26", "2026-11-15", "2027-01-15", "2027-03-27"),
        Stop(slot_of(ZONES[SYDNEY], date(2026, 4, 5)) + 60 * MINUTE),  # 02:30 for the second time
        Stop(slot_of(ZONES[PARIS], date(2026, 10, 25)) + 60 * MINUTE),
    ]
)


def free_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return int(reserved.getsockname()[1])


class Machine:
    """A daemon with a server in each zone, `every day at 02:30`, and its API; its clock can be put ahead."""

    def __init__(self, rotator: Program, start: datetime) -> None:
        faketime = needs_component("faketime")
        clear_faketime()
        port = free_port()
        self._home = rotator.home
        self._url = f"http://127.0.0.1:{port}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {TOKEN}"
        rules = {"schedule": f"every day at {AT:%H:%M}"}
        servers = [
            rules | {"id": each, "name": f"web-{each - 10000:04d}", "timezone": zone.key, "keep": KEEP[each]}
            for each, zone in ZONES.items()
        ]
        settings: dict[str, Any] = {
            "api": {"url": self._url, "timeout": "10m"},
            "timing": {"poll_interval": "1m"},
            "servers": servers,
        }
        (rotator.home / "config.yaml").write_text(json.dumps(settings))
        self._offset = timedelta(0)
        self._put(start - datetime.now(UTC))
        self.daemon = rotator.start(
            *(SCRIPT, str(port)),
            command=(faketime, "-f", "+0", "/bin/sh", "-c", BOTH),
            env={
                "TZ": ZONES[PARIS].key,
                "ROTATOR_API_TOKEN": TOKEN,
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            },
        )
        until("the API is up", self._is_up)
        self.daemon.wait_for("pass_finished")

    def _is_up(self) -> bool:
        try:
            self.now()
        except requests.ConnectionError:
            return False
        return True

    @property
    def _clock(self) -> Path:
        return self._home / "clock"

    def _put(self, ahead: timedelta) -> None:
        self._offset += ahead
        new = self._home / "clock.new"
        new.write_text(f"{self._offset.total_seconds():+.0f} x{SPEED}")
        new.replace(self._clock)

    def put_to(self, moment: datetime) -> None:
        """Skip what is between now and then."""
        self._put(moment - self.now())

    def now(self) -> datetime:
        """What the clock shows."""
        answer = self._session.get(f"{self._url}/account/me/", timeout=10)
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)

    def rows(self) -> list[dict[str, Any]]:
        """The account's snapshots."""
        rows: list[dict[str, Any]] = self._session.get(f"{self._url}/snapshots/", timeout=10).json()["results"]
        return rows

    def slots(self, server_id: int) -> list[datetime]:
        """Of which slots a server has snapshots, each as often as there is one."""
        names = [row["name"] for row in self.rows() if row["server"]["id"] == server_id]
        return sorted(slot for name in names if (slot := slot_in_name("rotator", name)))

    def is_at_rest(self) -> bool:
        """Whether nothing is in progress and nobody has more than is kept."""
        rows = self.rows()
        count = Counter(row["server"]["id"] for row in rows)
        return all(row["status"] == "completed" for row in rows) and all(count[each] <= KEEP[each] for each in KEEP)

    def pass_by(self, stop: Stop) -> None:
        """Go to just before this instant, let time run over it, and see that all is done."""
        self.put_to(stop.at - 2 * MINUTE)
        if stop.server_id:
            self.daemon.wait_for("snapshot_completed", 40, slot=stop.at.isoformat(), server_id=stop.server_id)
        else:
            until("it passes", lambda: self.now() > stop.at + MINUTE)
            self.look_again()
        until("it is at rest", self.is_at_rest, 40)

    def look_again(self) -> None:
        """Let the daemon look at every server, whenever it meant to."""
        [lock] = (self._home / "run").glob("*.lock")
        loaded = len(self.daemon.logged("config_loaded"))
        passes = len(self.daemon.logged("pass_finished"))
        os.kill(int(lock.read_text().split()[0]), signal.SIGHUP)
        until("it loads", lambda: len(self.daemon.logged("config_loaded")) > loaded)
        until("it looks", lambda: len(self.daemon.logged("pass_finished")) > passes)

    def end(self) -> list[dict[str, Any]]:
        """Stop both, since `faketime` passes no signal on; gives the daemon's log."""
        self._session.close()
        os.killpg(self.daemon.pid, signal.SIGTERM)
        until("it stops", lambda: self.daemon.logged("daemon_stopped", reason="asked to stop"))
        return self.daemon.log


def of_server(log: list[dict[str, Any]], event: str, server_id: int) -> list[datetime]:
    return [datetime.fromisoformat(x["slot"]) for x in log if x["event"] == event and x["server_id"] == server_id]


@pytest.mark.component
def test_no_slot_of_a_year_is_taken_twice_and_none_is_missed_but_those_that_coalesced(rotator: Program) -> None:
    machine = Machine(rotator, STOPS[0].at - 5 * MINUTE)
    for stop in STOPS:
        machine.pass_by(stop)
    left = {server_id: machine.slots(server_id) for server_id in ZONES}
    log = machine.end()
    for server_id, zone in ZONES.items():
        taken = of_server(log, "snapshot_completed", server_id)
        assert all(earlier < later for earlier, later in pairwise(taken))
        assert set(of_server(log, "snapshot_create_requested", server_id)) == set(taken)
        assert {slot_of(zone, slot.astimezone(zone).date()) for slot in taken} == set(taken), "no such slots"
        # Those passed by are all there; of those that were skipped together, nothing but the latest.
        passed_by = {stop.at for stop in STOPS if stop.server_id == server_id}
        caught_up = {latest_slot(zone, stop.at - 2 * MINUTE) for stop in STOPS}
        assert passed_by <= set(taken) <= passed_by | caught_up
        assert left[server_id] == taken[-KEEP[server_id] :]
    assert not [line for line in log if line["event"] in ("internal_error", "slot_missed")]
    # A skip may come between an answer and the look at its date: that is skew. The change of an hour is none.
    skews = [abs(line["ahead_s"]) for line in log if line["event"] == "clock_skew"]
    assert not [skew for skew in skews if abs(skew - 3600) < 120]
    assert all(line["timestamp"] >= line["slot"] for line in log if line.get("slot")), "a slot was taken early"
