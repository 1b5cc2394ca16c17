"""Times how long commands take to start, as a ratio to bare Python doing the least they need.

python benchmarks/startup.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rotator.config import load
from rotator.naming import snapshot_name
from rotator.sandbox import Cloud, Sandbox
from rotator.slots import latest_slot

ROUNDS = 21
ROTATOR = str(Path(sys.executable).with_name("rotator"))


def least(commands: dict[str, list[str]], environment: dict[str, str]) -> dict[str, float]:
    """The shortest wall time of each command; all take turns, so that a busy moment hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            begun = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - begun)
    return {name: min(each) for name, each in times.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        cloud = Cloud(lambda: datetime.now(UTC))
        with Sandbox(cloud, "benchmark") as sandbox:
            server = "schedule: every day at 03:00"
            text = f"api: {{url: '{sandbox.url}'}}\nservers:\n" + "".join(
                f"  - {{id: {number}, name: web-{number}, {server}}}\n" for number in (1, 2, 3)
            )
            config.write_text(text)
            for policy in load(config).policies:
                cloud.add_server(policy.server, policy.server_id)
                slot = latest_slot(policy.schedule, datetime.now(UTC))
                assert slot is not None
                cloud.plant(policy.server_id, snapshot_name(policy.prefix, slot), slot)
            own = ["--lock-file", f"{folder}/lock", "--state-dir", folder]
            commands = {
                "python -c pass": [sys.executable, "-c", "pass"],
                "rotator --version": [ROTATOR, "--version"],
                "python -c imports": [sys.executable, "-c", "import requests, structlog, yaml, pydantic"],
                "rotator check": [ROTATOR, "check", "-c", str(config)],
                "rotator once, nothing due": [ROTATOR, "once", "-c", str(config), *own],
                "rotator --help": [ROTATOR, "--help"],
            }
            times = least(commands, {**os.environ, "ROTATOR_API_TOKEN": "benchmark"})
    bases = {"rotator --version": "python -c pass", "rotator --help": "python -c pass"}
    for name in commands:
        base = bases.get(name, "python -c imports" if name.startswith("rotator") else name)
        allowed = "" if name in (base, "rotator --help") else " (allowed 1.5)"
        print(f"{name:28} {times[name] * 1000:7.1f} ms   {times[name] / times[base]:5.2f} x {base}{allowed}")


if __name__ == "__main__":
    main()
