"""Rotates a fleet against the sandbox and prints requests and wall time against their bounds.

    python benchmarks/fleet.py [--servers 1000] [--parallel 32]

The sandbox runs in a process of its own: latency 50 ms, create time 5 s; every server holds 4 restore points of a
policy with keep: 4, and all are due.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from rotator.config import load
from rotator.sandbox import Cloud, Sandbox, fill

LATENCY = timedelta(milliseconds=50)
CREATE_TIME = timedelta(seconds=5)
POLL_INTERVAL = timedelta(seconds=1)
TOKEN = "benchmark"


def configuration(url: str, servers: int, parallel: int) -> str:
    rows = "\n".join(f"  - {{id: {number}, name: web-{number}, policy: nightly}}" for number in range(1, servers + 1))
    return f"""\
api: {{url: "{url}", parallel: {parallel}}}
timing: {{poll_interval: {POLL_INTERVAL.seconds}s}}
policies:
  nightly: {{schedule: every day at 03:00, keep: 4}}
servers:
{rows}
"""


def serve(servers: int, parallel: int, path: str, pipe: Connection) -> None:
    """The sandbox, in its own process; its first four servers are made ordinary as well."""

    def clock() -> datetime:
        return datetime.now(UTC)

    cloud = Cloud(clock, create_time=CREATE_TIME)
    with Sandbox(cloud, TOKEN) as sandbox:
        Path(path).write_text(configuration(sandbox.url, servers, parallel))
        policies = load(Path(path)).policies
        fill(cloud, policies, clock())
        level(cloud, policies[-1].server_id, [policy.server_id for policy in policies[:4]])
        sandbox.latency = LATENCY
        pipe.send("ready")
        pipe.recv()
        pipe.send([(method, route, count) for (method, route), count in sandbox.requests.items()])


def level(cloud: Cloud, model: int | str, others: list[int | str]) -> None:
    """Give the servers in telling states what the ordinary one has."""
    for server_id in others:
        for snapshot in cloud.snapshots(server_id):
            cloud.delete(snapshot.id)
        for snapshot in cloud.snapshots(model):
            assert snapshot.created_at is not None
            cloud.plant(server_id, snapshot.name, snapshot.created_at)


def rotate(config: str) -> float:
    """`rotator once` in a process of its own; returns its wall time."""
    begun = time.monotonic()
    command = [str(Path(sys.executable).with_name("rotator")), "once", "-c", config, "--log-level", "error"]
    own = ["--lock-file", config + ".lock", "--state-dir", str(Path(config).parent)]
    environment = {"ROTATOR_API_TOKEN": TOKEN, "PATH": "/usr/bin:/bin"}
    subprocess.run([*command, *own], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=32)
    arguments = parser.parse_args()
    count, parallel = arguments.servers, arguments.parallel
    with tempfile.TemporaryDirectory() as folder:
        config = str(Path(folder) / "config.yaml")
        ours, theirs = multiprocessing.get_context("fork").Pipe()
        server = multiprocessing.get_context("fork").Process(target=serve, args=(count, parallel, config, theirs))
        server.start()
        ours.recv()
        wall = rotate(config)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        ours.send("stop")
        requests = {f"{method} {route}": number for method, route, number in ours.recv()}
        server.join(10)
    lists = requests.pop("GET /snapshots/")
    allowed = 2 * count * 1.01
    bound = 2 * math.ceil(count / parallel) * LATENCY.total_seconds()
    bound += CREATE_TIME.total_seconds() + POLL_INTERVAL.total_seconds()
    print(json.dumps({"requests": requests, "lists": lists}))
    print(f"servers {count}, parallel {parallel}")
    sent = sum(requests.values())
    print(f"requests besides lists: {sent} of {allowed:.0f} allowed, ratio {sent / allowed:.3f}")
    print(f"wall {wall:.2f} s, bound {bound:.2f} s, ratio {wall / bound:.3f} (allowed 1.3)")
    print(f"memory of the process {memory:.0f} MB (allowed 120)")


if __name__ == "__main__":
    main()
