"""`rotator health`: 0 while a loop turns, else 1, whatever the reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.account import Account
from tests.e2e.program import Finished, Program, until

HEAVY = {"requests", "urllib3", "structlog", "pydantic", "yaml", "schedule", "cronsim", "sqlite3"}


def test_a_daemon_that_runs_is_healthy_until_it_ends(rotator: Program, account: Account) -> None:
    assert rotator("health", "-c", account.path).code == 1
    daemon = rotator.start("run", "-c", account.path)

    def healthy() -> Finished | None:
        asked = rotator("health", "-c", account.path)
        return asked if asked.code == 0 else None

    assert f"the loop of process {daemon.pid} turned" in until("healthy", healthy).out
    daemon.end()
    ended = rotator("health", "-c", account.path)
    assert (ended.code, ended.err) == (1, "")
    assert "no daemon runs" in ended.out


def test_a_daemon_that_stands_still_is_not_healthy(rotator: Program, account: Account) -> None:
    daemon = rotator.start("run", "-c", account.path, "--lock-file", rotator.home / "lock")
    daemon.wait_for("pass_finished")
    daemon.send(signal.SIGSTOP)
    hour_ago = time.time() - 3600
    os.utime(rotator.home / "lock", (hour_ago, hour_ago))
    asked = rotator("health", "--lock-file", rotator.home / "lock")
    assert asked.code == 1
    assert f"the loop of process {daemon.pid} stands still: it turned 360" in asked.out
    assert rotator("health", "--lock-file", rotator.home / "lock", "--max-age", "2h").code == 0
    daemon.send(signal.SIGCONT)


def test_whatever_is_wrong_the_answer_is_one(rotator: Program, tmp_path: Path) -> None:
    """Docker reserves every other code."""
    for arguments in (
        [],
        ["-c", "there-is-none.yaml"],
        ["--lock-file", str(tmp_path)],
        ["--lock-file", f"{rotator.home}/config.yaml/lock"],
    ):
        asked = rotator("health", *arguments)
        assert (asked.code, asked.err) == (1, ""), arguments
        assert len(asked.out.splitlines()) == 1, arguments


def test_only_wrong_usage_is_told_as_such(rotator: Program) -> None:
    asked = rotator("health", "--lock-file", "x", "--max-age", "soon")
    assert (asked.code, asked.out) == (2, "")
    assert "argument --max-age: found the text 'soon': write a whole number and its unit" in asked.err


def test_needs_no_configuration_that_loads(rotator: Program, account: Account) -> None:
    daemon = rotator.start("run", "-c", account.path)
    daemon.wait_for("pass_finished")
    account.path.write_text("servers: [")
    assert rotator("health", "-c", account.path).code == 0


def test_imports_little(rotator: Program) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "rotator", "health", "--lock-file", "none"],
        env={name: value for name, value in rotator.environment.items() if not name.startswith("COV")},
        cwd=rotator.home,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert "no daemon runs" in ran.stdout
    assert not imported & HEAVY
