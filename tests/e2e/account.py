"""A sandbox account in the test's own process, with a configuration for it whose slots are hours away from now."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rotator.model import Id, Snapshot
from rotator.naming import snapshot_name
from rotator.sandbox import Cloud, Sandbox
from tests.e2e.program import TOKEN

WEB, DB = 12345, 12346
NAMES = {WEB: "web-server-01", DB: "db-server-01"}

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FAST = timedelta(milliseconds=300)
FOR_EVER = timedelta(hours=24)


def clock() -> datetime:
    """The wall clock, which the script goes by as well."""
    return datetime.now(UTC)


class Account:
    """Two servers without snapshots. The latest slot was a little over six hours ago, the next one is 18 hours away."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "config.yaml"
        self.token_file = home / "token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(TOKEN + "\n")
        self.slot = (clock() - 6 * HOUR - timedelta(minutes=5)).replace(second=0, microsecond=0)
        self.schedule = f"every day at {self.slot:%H:%M}"
        self.cloud = Cloud(clock, create_time=FAST, restore_time=FAST)
        for server_id, name in NAMES.items():
            self.cloud.add_server(name, server_id)
        self.sandbox = Sandbox(self.cloud, TOKEN)

    def server(self, server_id: int = WEB, **rules: Any) -> dict[str, Any]:
        """A server as the configuration has it."""
        name = NAMES.get(server_id, f"server-{server_id}")
        return {"id": server_id, "name": name, "schedule": self.schedule, **rules}

    def configure(self, *servers: dict[str, Any], **sections: Any) -> Path:
        """Write the configuration, of the web server if none is named; JSON is YAML."""
        content = {
            "api": {"url": self.sandbox.url, "token_file": str(self.token_file)},
            "timing": {"poll_interval": "200ms"},
            "servers": list(servers or (self.server(),)),
        }
        self.path.write_text(json.dumps(content | sections, indent=2))
        return self.path

    def finish(self) -> None:
        """Everything in progress is complete from now on."""
        with self.cloud._lock:
            for row in self.cloud._rows.values():
                row.ready_at = min(row.ready_at, clock())

    def name(self, days_ago: int) -> str:
        """The name of the snapshot of the latest slot, or of one so many days before it."""
        return snapshot_name("rotator", self.slot - days_ago * DAY)

    def plant(self, *days_ago: int, server_id: int = WEB, status: str = "completed") -> list[Id]:
        """Snapshots of rotator's own, as of so many slots ago."""
        return [
            self.cloud.plant(server_id, self.name(days), self.slot - days * DAY + timedelta(seconds=5), status=status)
            for days in days_ago
        ]

    def plant_foreign(self, *names: str, server_id: int = WEB) -> list[Id]:
        """Snapshots that somebody else made."""
        return [self.cloud.plant(server_id, name, self.slot - 9 * DAY) for name in names]

    def snapshots(self, server_id: int = WEB) -> tuple[Snapshot, ...]:
        """What the cloud has, oldest id first."""
        return self.cloud.snapshots(server_id)

    def names(self, server_id: int = WEB) -> list[str]:
        """The names of what the cloud has, sorted, which is by slot."""
        return sorted(each.name for each in self.snapshots(server_id))

    def expected(self, *days_ago: int) -> list[str]:
        """What `names` is when exactly these slots are there."""
        return sorted(self.name(days) for days in days_ago)

    @property
    def changes(self) -> int:
        """How many requests other than GET came in."""
        return sum(count for (method, _), count in self.sandbox.requests.items() if method != "GET")

    @property
    def created(self) -> int:
        """How many snapshots were asked for."""
        return self.sandbox.requests["POST", "/snapshots/"]
