"""Prints how long the status page and its documents take over a real socket, their sizes, and what loading them costs.

python benchmarks/page.py [--servers 1000] [--loads 2000]

Every load is rendered anew: the clock moves on by two seconds for each, past what the page keeps of earlier answers.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from rotator.web.app import App
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import listener_at, place_of
from rotator.web.server import WebServer
from tests.showcase import LATER, board_of, fleet

ALLOWED_MS = 100
ALLOWED_BYTES = 300_000


class Ticking:
    """A clock that goes two seconds further each time it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> datetime:
        self.reads += 1
        return LATER + timedelta(seconds=2 * self.reads)


def memory_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def load(address: tuple[str, int], path: str, packed: bool) -> tuple[float, int]:
    """Milliseconds until the last byte, and how many bytes."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(*address)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if packed else {})
    answer = connection.getresponse()
    assert answer.status == 200, path
    size = len(answer.read())
    connection.close()
    return (time.perf_counter() - begun) * 1000, size


def measure(address: tuple[str, int], path: str, times: int, *, packed: bool = False) -> tuple[float, float, int]:
    """Median and worst of the milliseconds, and the size."""
    results = [load(address, path, packed) for _ in range(times)]
    spans = [span for span, _ in results]
    return statistics.median(spans), max(spans), results[-1][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--loads", type=int, default=2000)
    arguments = parser.parse_args()
    policies = fleet(arguments.servers)
    place = place_of("127.0.0.1:0")
    app = App(board_of(policies, troubled=3, busy=2), Gate(place), Ticking())
    app.loop = LoopState("/etc/rotator/config.yaml", policies, (), LATER)
    server = WebServer(listener_at(place), app)
    server.start()
    address = server.address
    print(f"servers {arguments.servers}; allowed for the page at 1,000: {ALLOWED_MS} ms, {ALLOWED_BYTES:,} bytes")
    for path in ("/", "/?sort=-age", "/?q=web-09", "/status.json", "/healthz"):
        if path == "/healthz":
            app.loop = LoopState("/etc/rotator/config.yaml", policies, (), LATER + timedelta(days=1))
        for packed in (False, True):
            median, worst, size = measure(address, path, 20, packed=packed)
            what = f"{path} gzip" if packed else path
            print(f"{what:<20} {median:7.1f} ms, worst {worst:7.1f} ms, {size:>10,} bytes")
    before, files = memory_mb(), len([*Path("/proc/self/fd").iterdir()])
    begun = time.monotonic()
    for number in range(arguments.loads):
        load(address, f"/?page={number % 20}", packed=True)
    spent = time.monotonic() - begun
    print(f"{arguments.loads} loads in {spent:.1f} s; memory {before:.1f} MB before, {memory_mb():.1f} MB after")
    print(f"files {files} before, {len([*Path('/proc/self/fd').iterdir()])} after; threads {threading.active_count()}")
    server.stop()


if __name__ == "__main__":
    main()
