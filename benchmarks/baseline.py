"""The same work by the plain serial script that people write (`benchmarks/serial.py`), against the same sandbox.

The script is run for 30 servers and its time is scaled to 1,000: it takes them one after the other, so its time grows
with their number. It looks at a snapshot every second, as rotator does here. The bound of its own time is what the
sandbox makes it wait: a ratio near 1 shows that nothing else slowed it down.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from benchmarks.accounts import served
from benchmarks.fleet import CREATE_TIME, LATENCY, NIGHTLY, POLL_INTERVAL, QUICK_CREATE_TIME, rotate
from benchmarks.program import TOKEN
from benchmarks.result import Result, run

SCRIPT = Path(__file__).with_name("serial.py")
SERVERS, SCALED = 30, 1000
KEEP = 4
TIMES_FASTER = 50
OWN_TIME = 1.05


def serial(servers: int, create_time: timedelta) -> tuple[float, int]:
    """Seconds that the script takes for so many servers, and its requests."""
    with served(NIGHTLY, servers, due=True, latency=LATENCY, create_time=create_time) as account:
        environ = {**os.environ, "API_URL": account.url, "API_TOKEN": TOKEN}
        ids = [str(number) for number in range(1, servers + 1)]
        begun = time.monotonic()
        subprocess.run([sys.executable, str(SCRIPT), str(KEEP), *ids], env=environ, check=True)
        wall = time.monotonic() - begun
        requests = account.requests()
    assert requests["POST /snapshots/"] == requests["DELETE /snapshots/{id}/"] == servers, requests
    return wall, sum(requests.values())


def waiting(create_time: timedelta) -> timedelta:
    """What the script waits for one server: a list, a create, looks until one finds it complete, a delete."""
    looks = math.ceil(create_time / (POLL_INTERVAL + LATENCY))
    return 3 * LATENCY + looks * (POLL_INTERVAL + LATENCY)


def measure(quick: bool) -> Iterator[Result]:
    """The script's figures beside rotator's."""
    servers, scaled, create_time = (1, 40, QUICK_CREATE_TIME) if quick else (SERVERS, SCALED, CREATE_TIME)
    wall, requests = serial(servers, create_time)
    yield Result(f"the script, {servers} servers", wall, "s", servers * waiting(create_time).total_seconds(), OWN_TIME)
    yield Result("the script, requests per server", requests / servers)
    rotator = rotate(scaled, create_time)
    yield Result(
        f"the script, scaled to {scaled:,} servers",
        wall / servers * scaled,
        "s",
        rotator.wall,
        TIMES_FASTER,
        at_least=True,
        note=f"{servers} servers run, times {scaled / servers:.3g}; the bound is rotator's time",
    )
    yield Result(f"rotator, {scaled:,} servers, requests per server", rotator.requests / scaled)


if __name__ == "__main__":
    run(__doc__, measure)
