"""A night of daylight saving in seconds: the daemon and its API on one fast clock, with a slot inside the change."""

from __future__ import annotations

import json
import os
import signal
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from rotator.naming import slot_in_name
from tests.components import clear_faketime, needs_component
from tests.e2e.program import SCRIPT, Program, Running, until

SPEED = 5000
"""27 hours in 20 seconds. A minute is 12 ms then: requests may time out, be repeated, be asked for and looked up."""

TOKEN = "fast-clock"

BOTH = """\
"$0" sandbox --port "$1" --servers 1 --create-time 5m --token "$ROTATOR_API_TOKEN" >sandbox.log 2>&1 &
exec "$0" run -c config.yaml
"""
"""Both processes are children of one `faketime`, which is what makes their clocks one."""


def free_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return int(reserved.getsockname()[1])


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Night:
    """A daemon with one server, `every day at 02:30` in Paris, from `start` on."""

    def __init__(self, rotator: Program, start: datetime) -> None:
        faketime = needs_component("faketime")
        clear_faketime()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/api/v1"
        server = {"id": 10001, "name": "web-0001", "schedule": "every day at 02:30", "timezone": "Europe/Paris"}
        settings: dict[str, Any] = {
            "api": {"url": self.url, "timeout": "10m"},
            "timing": {"poll_interval": "5m"},
            "servers": [server | {"keep": 5}],
        }
        (rotator.home / "config.yaml").write_text(json.dumps(settings))
        self.daemon: Running = rotator.start(
            *(SCRIPT, str(port)),
            command=(faketime, "-f", f"@{start:%Y-%m-%d %H:%M:%S} x{SPEED}", "/bin/sh", "-c", BOTH),
            env={"TZ": "UTC", "ROTATOR_API_TOKEN": TOKEN},
        )

    def names(self) -> list[str]:
        """The names of the snapshots, oldest first, each as often as it is there; none while the API is not up."""
        try:
            answer = requests.get(
                f"{self.url}/snapshots/", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
            ).json()
        except requests.RequestException:
            return []
        return sorted(row["name"] for row in answer["results"])

    def slots_until(self, last: datetime) -> list[datetime]:
        """Every slot that was taken, once the daemon says that `last` is complete."""
        self.daemon.wait_for("snapshot_completed", 45, slot=last.isoformat())
        return [slot for name in self.names() if (slot := slot_in_name("rotator", name))]

    def end(self) -> list[dict[str, Any]]:
        """Stop both, since `faketime` passes no signal on; gives the daemon's log."""
        os.killpg(self.daemon.pid, signal.SIGTERM)
        until("it stops", lambda: self.daemon.logged("daemon_stopped", reason="asked to stop"))
        return self.daemon.log


@pytest.mark.component
@pytest.mark.parametrize(
    ("start", "slots"),
    [
        pytest.param(
            "2026-03-28 22:00",
            # 02:30 on Saturday, 03:00 on Sunday, when 02:30 does not exist: right after the gap, 02:30 on Monday.
            ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"],
            id="spring",
        ),
        pytest.param(
            "2026-10-24 22:00",
            # 02:30 on Saturday, 02:30 on Sunday, the first of the two, 02:30 on Monday.
            ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"],
            id="autumn",
        ),
    ],
)
def test_every_local_day_has_exactly_one_slot(rotator: Program, start: str, slots: list[str]) -> None:
    expected = [utc(slot) for slot in slots]
    night = Night(rotator, utc(start))
    taken = night.slots_until(expected[-1])
    assert taken[-2:] == expected[-2:]
    assert taken in (expected, expected[1:]), "Saturday's is there unless the processes took seconds to start"
    log = night.end()
    requested = [line["slot"] for line in log if line["event"] == "snapshot_create_requested"]
    assert list(dict.fromkeys(requested)) == [slot.isoformat() for slot in taken]
    completed = [line["slot"] for line in log if line["event"] == "snapshot_completed"]
    assert completed == [slot.isoformat() for slot in taken]
    assert not [line for line in log if line["event"] in ("clock_skew", "internal_error", "slot_missed")]
    assert all(line["timestamp"] >= line["slot"] for line in log if line.get("slot")), "a slot was taken early"
