"""Accounts to try things on: servers in telling states for given policies, or a fleet with a configuration for it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rotator.model import CAP
from rotator.naming import snapshot_name
from rotator.slots import latest_slot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.model import Policy
    from rotator.sandbox.cloud import Cloud

_MINUTE = timedelta(minutes=1)


def fill(cloud: Cloud, policies: Sequence[Policy], now: datetime) -> None:
    """Add one server per policy, each with its latest slot still to be taken: four telling states, then ordinary ones.

    Full, two made by hand, empty, the latest one failed; every further server has as many of ours as its policy
    keeps.
    """
    for index, policy in enumerate(policies):
        cloud.add_server(policy.server, policy.server_id)
        state = _TELLING[index] if index < len(_TELLING) else _ordinary
        state(cloud, policy, now)


def _full(cloud: Cloud, policy: Policy, now: datetime) -> None:
    _plant(cloud, policy, _earlier_slots(policy, now, CAP), now)


def _hand_made(cloud: Cloud, policy: Policy, now: datetime) -> None:
    cloud.plant(policy.server_id, "before-upgrade", now - timedelta(days=9), description="made by hand")
    day = now - timedelta(days=3)
    cloud.plant(policy.server_id, f"manual-{day:%Y-%m-%d}", day)
    _plant(cloud, policy, _earlier_slots(policy, now, 2), now)


def _empty(_cloud: Cloud, _policy: Policy, _now: datetime) -> None:
    pass


def _last_failed(cloud: Cloud, policy: Policy, now: datetime) -> None:
    slots = _slots(policy, now, 4)
    _plant(cloud, policy, slots[:-1], now)
    _plant(cloud, policy, slots[-1:], now, status="failed")


def _ordinary(cloud: Cloud, policy: Policy, now: datetime) -> None:
    _plant(cloud, policy, _earlier_slots(policy, now, policy.keep.total), now)


_TELLING: tuple[Callable[[Cloud, Policy, datetime], None], ...] = (_full, _hand_made, _empty, _last_failed)


def _slots(policy: Policy, now: datetime, wanted: int) -> list[datetime]:
    """The latest slots that were due by `now`, oldest first; fewer when the schedule had no more."""
    slots: list[datetime] = []
    slot = latest_slot(policy.schedule, now - policy.splay)
    while slot is not None and len(slots) < wanted:
        slots.insert(0, slot)
        slot = latest_slot(policy.schedule, slot - _MINUTE)
    return slots


def _earlier_slots(policy: Policy, now: datetime, wanted: int) -> list[datetime]:
    """The slots before the latest one, which is left due."""
    return _slots(policy, now, wanted + 1)[:-1]


def _plant(cloud: Cloud, policy: Policy, slots: Sequence[datetime], now: datetime, status: str = "completed") -> None:
    for number, slot in enumerate(slots):
        created_at = min(slot + policy.splay + timedelta(seconds=2 + number), now)
        name = snapshot_name(policy.prefix, slot)
        cloud.plant(policy.server_id, name, created_at, status=status, description=policy.description)


def fleet(cloud: Cloud, count: int) -> None:
    """Add `count` servers without snapshots: `web-0001` with the id 10001, and so on."""
    for number in range(1, count + 1):
        cloud.add_server(f"web-{number:04d}", 10000 + number)


def configuration(cloud: Cloud, url: str) -> str:
    """A configuration for every server of the account, ready to be saved as `config.yaml`."""
    servers = [
        f"  - id: {json.dumps(server['id'])}\n    name: {json.dumps(server['name'])}\n    policy: nightly\n"
        for server in cloud.servers()["results"]
    ]
    return _HEAD.format(url=url) + ("servers:\n" + "".join(servers) if servers else "servers: []\n")


_HEAD = """\
# Points at a sandbox: nothing here touches a real server.
api:
  url: {url}
timing:
  poll_interval: 1s
policies:
  nightly:
    schedule: every day at 03:00
    keep: 4
"""
