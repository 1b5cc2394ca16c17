"""Hooks through the real program: before and after a snapshot, at a stop, after a crash, and shown by a dry run."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.account import FOR_EVER, Account
from tests.e2e.program import TOKEN, Program, until

SCRIPT = """#!/bin/sh
printf '%s %s %s %s\\n' "$ROTATOR_PHASE" "$ROTATOR_SERVER" "$ROTATOR_SNAPSHOT" "${ROTATOR_OUTCOME:--}" >> "$0.log"
env > "$0.env"
[ ! -e "$0.$ROTATOR_PHASE.fails" ]
"""


class Hook:
    """A program that writes down how it was called."""

    def __init__(self, home: Path) -> None:
        self.path = home / "hook"
        self.path.write_text(SCRIPT)
        self.path.chmod(0o755)

    def rules(self, **more: Any) -> dict[str, Any]:
        """What a policy says to have it run."""
        return {"hooks": {"before": [str(self.path)], "after": [str(self.path)], "timeout": "10s", **more}}

    def calls(self) -> list[list[str]]:
        log = Path(f"{self.path}.log")
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def phases(self) -> list[tuple[str, str]]:
        return [(call[0], call[3]) for call in self.calls()]

    def fails(self, phase: str) -> None:
        Path(f"{self.path}.{phase}.fails").touch()

    def environment(self) -> dict[str, str]:
        lines = Path(f"{self.path}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def hook(home: Path) -> Hook:
    return Hook(home)


def test_before_and_after_run_around_the_snapshot(rotator: Program, account: Account, hook: Hook) -> None:
    account.configure(account.server(**hook.rules()))
    ran = rotator("once", "-c", account.path, env={"ROTATOR_API_TOKEN_FILE": str(account.token_file)})
    assert ran.code == 0
    assert hook.calls() == [
        ["before", "web-server-01", account.name(0), "-"],
        ["after", "web-server-01", account.name(0), "completed"],
    ]
    told = hook.environment()
    assert told["ROTATOR_SLOT"] == f"{account.slot:%Y-%m-%dT%H:%M:%SZ}"
    assert TOKEN not in json.dumps(told)
    assert "ROTATOR_API_TOKEN_FILE" not in told
    assert [line["phase"] for line in ran.log if line["event"] == "hook_finished"] == ["before", "after"]


def test_a_failed_before_takes_no_snapshot(rotator: Program, account: Account, hook: Hook) -> None:
    hook.fails("before")
    account.configure(account.server(**hook.rules()))
    ran = rotator("once", "-c", account.path)
    assert (ran.code, account.created) == (1, 0)
    assert hook.phases() == [("before", "-"), ("after", "not_created")]
    assert "the command before the snapshot failed" in " ".join(ran.out.split())


def test_who_does_not_wait_lets_go_at_once(rotator: Program, account: Account, hook: Hook) -> None:
    account.cloud.create_time = FOR_EVER
    account.configure(account.server(**hook.rules()))
    assert rotator("once", "--no-wait", "-c", account.path).code == 0
    assert hook.phases() == [("before", "-"), ("after", "interrupted")]


@pytest.mark.parametrize("command", ["run", "once"])
def test_a_stop_lets_go(rotator: Program, account: Account, hook: Hook, command: str) -> None:
    account.cloud.create_time = FOR_EVER
    account.configure(account.server(**hook.rules()))
    daemon = rotator.start(command, "-c", account.path)
    daemon.wait_for("snapshot_created")
    daemon.end()
    assert hook.phases() == [("before", "-"), ("after", "interrupted")]


def test_a_stop_in_the_middle_of_before_ends_it_and_lets_go(
    rotator: Program, account: Account, hook: Hook, home: Path
) -> None:
    started = home / "started"
    rules = hook.rules(before=["sh", "-c", f"touch {started}; sleep 60"], timeout="2m")
    account.configure(account.server(**rules))
    daemon = rotator.start("run", "-c", account.path)
    until("before runs", started.exists)
    assert daemon.end().code == 0
    assert account.created == 0
    assert hook.phases() == [("after", "not_created")]


def test_after_a_crash_the_next_start_lets_go(rotator: Program, account: Account, hook: Hook) -> None:
    account.cloud.create_time = FOR_EVER
    account.configure(account.server(**hook.rules()))
    daemon = rotator.start("run", "-c", account.path)
    daemon.wait_for("snapshot_created")
    daemon.end(signal.SIGKILL)
    assert hook.phases() == [("before", "-")]
    account.finish()
    again = rotator.start("run", "-c", account.path)
    again.wait_for("hook_finished", phase="after")
    assert again.end().code == 0
    assert hook.phases() == [("before", "-"), ("after", "completed")]


def test_a_dry_run_shows_them_and_runs_none(rotator: Program, account: Account, hook: Hook) -> None:
    account.configure(account.server(**hook.rules()))
    shown = rotator("plan", "-c", account.path)
    assert f"before it runs: {hook.path}".replace(" ", "") in "".join(shown.out.split())
    [server] = rotator("plan", "--json", "-c", account.path).json["servers"]
    assert server["hooks"] == {"before": str(hook.path), "after": str(hook.path), "after_when": "completed"}
    assert hook.calls() == []


def test_the_sandbox_runs_none(rotator: Program, account: Account, hook: Hook) -> None:
    account.configure(account.server(**hook.rules()))
    assert rotator("once", "--sandbox", "-c", account.path).code == 0
    assert hook.calls() == []
