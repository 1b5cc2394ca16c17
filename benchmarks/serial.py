"""The script that people write first: one server after the other, by hand.

    API_URL=http://127.0.0.1:8080/api/v1 API_TOKEN=... python serial.py KEEP SERVER_ID...

It is the baseline of benchmarks/baseline.py and no example: a failed snapshot counts as good, a lost answer makes
two, and somebody's own snapshots are deleted.
"""

import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import requests

API = os.environ["API_URL"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['API_TOKEN']}"


def snapshots(server_id: int) -> list[dict[str, Any]]:
    answer = session.get(f"{API}/snapshots/", params={"server_id": server_id}, timeout=60)
    answer.raise_for_status()
    return sorted(answer.json()["results"], key=lambda each: each["created_at"])


def rotate(server_id: int, keep: int) -> None:
    before = snapshots(server_id)
    name = f"nightly-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    answer = session.post(f"{API}/snapshots/", json={"server_id": server_id, "name": name}, timeout=60)
    answer.raise_for_status()
    while True:
        time.sleep(1)
        if all(each["status"] != "in_progress" for each in snapshots(server_id)):
            break
    for oldest in before[: len(before) + 1 - keep]:
        session.delete(f"{API}/snapshots/{oldest['id']}/", timeout=60).raise_for_status()


if __name__ == "__main__":
    for each in sys.argv[2:]:
        rotate(int(each), int(sys.argv[1]))
