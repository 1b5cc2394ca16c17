"""The status page and its documents of 1,000 servers over a real socket: times, sizes, and what many loads cost.

Times are medians of 20 loads. Every load is made anew: the clock moves on by two seconds for each, past what the page
keeps of earlier answers.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.program import memory_mb
from benchmarks.result import Result, run
from rotator.web.app import App
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import listener_at, place_of
from rotator.web.server import WebServer
from tests.showcase import LATER, board_of, fleet

SERVERS = 1000
TIMES, LOADS = 20, 300
ALLOWED_MS, ALLOWED_KB, ALLOWED_GROWTH_MB = 100, 300, 5
PAGES = ("/", "/?sort=-age", "/?q=web-09")
DOCUMENTS = ("/status.json", "/healthz")

Address = tuple[str, int]


class Ticking:
    """A clock that goes two seconds further each time it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self) -> datetime:
        self.reads += 1
        return LATER + timedelta(seconds=2 * self.reads)


@contextmanager
def served(servers: int) -> Iterator[Address]:
    """The page of a fleet, as long as the block lasts."""
    policies = fleet(servers)
    place = place_of("127.0.0.1:0")
    app = App(board_of(policies, troubled=3, busy=2), Gate(place), Ticking())
    # The loop passed a day "later", so that the process counts as alive all the time.
    app.loop = LoopState("/etc/rotator/config.yaml", policies, (), LATER + timedelta(days=1))
    server = WebServer(listener_at(place), app)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def load(address: Address, path: str, *, packed: bool) -> tuple[float, int]:
    """Milliseconds until the last byte, and how many bytes."""
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(*address)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if packed else {})
    answer = connection.getresponse()
    assert answer.status == 200, path
    size = len(answer.read())
    connection.close()
    return (time.perf_counter() - begun) * 1000, size


def times(address: Address, times: int) -> Iterator[Result]:
    """Time and size of every path, as it is and compressed."""
    for path in (*PAGES, *DOCUMENTS):
        for packed in (False, True):
            loads = [load(address, path, packed=packed) for _ in range(times)]
            size = loads[-1][1] / 1000
            what = f"`{path}` gzip" if packed else f"`{path}`"
            judged = path in PAGES
            milliseconds = statistics.median(span for span, _ in loads)
            worst = f"worst {max(span for span, _ in loads):.0f} ms"
            yield Result(f"{what}: time", milliseconds, "ms", ALLOWED_MS if judged else None, note=worst)
            yield Result(f"{what}: size", size, "kB", ALLOWED_KB if judged else None)


def costs(address: Address, loads: int) -> Iterator[Result]:
    """What so many loads leave behind."""
    before, files, begun = memory_mb(), open_files(), time.monotonic()
    for number in range(loads):
        load(address, f"/?page={number % 20}", packed=True)
    yield Result(f"{loads} loads", time.monotonic() - begun, "s")
    yield Result("growth of memory by them", max(memory_mb() - before, 0), "MB", ALLOWED_GROWTH_MB)
    yield Result("open files after them", open_files(), "", files, note="bound: before them")
    yield Result("threads", threading.active_count())


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def measure(quick: bool) -> Iterator[Result]:
    """All figures of one page."""
    with served(20 if quick else SERVERS) as address:
        yield from times(address, 1 if quick else TIMES)
        yield from costs(address, 5 if quick else LOADS)


if __name__ == "__main__":
    run(__doc__, measure)
