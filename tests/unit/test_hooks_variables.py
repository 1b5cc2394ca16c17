"""What a hook is told in its environment."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from rotator.engine import HookCall
from rotator.hooks import hook_variables
from rotator.hooks.variables import environment
from rotator.model import Command, Id

SLOT = datetime(2026, 11, 23, 3, 0, tzinfo=timezone(timedelta(hours=1)))
NAME = "rotator-20261123T020000Z"


def call(
    phase: str, *, server_id: Id = 12345, snapshot: str = NAME, policy: str = "nightly", outcome: str = ""
) -> HookCall:
    command, minute = Command(("true",)), timedelta(minutes=1)
    return HookCall(phase, command, minute, server_id, "web-server-01", policy, SLOT, snapshot, outcome)


def test_before_knows_its_server_and_its_slot_in_utc_and_no_outcome() -> None:
    assert hook_variables(call("before")) == {
        "ROTATOR_PHASE": "before",
        "ROTATOR_SERVER_ID": "12345",
        "ROTATOR_SERVER": "web-server-01",
        "ROTATOR_POLICY": "nightly",
        "ROTATOR_SNAPSHOT": NAME,
        "ROTATOR_SLOT": "2026-11-23T02:00:00Z",
        "ROTATOR_OUTCOME": "",
    }


def test_after_knows_what_became_of_the_snapshot() -> None:
    told = hook_variables(call("after", server_id="8e1b-44", policy="", outcome="completed"))
    assert (told["ROTATOR_PHASE"], told["ROTATOR_OUTCOME"]) == ("after", "completed")
    assert (told["ROTATOR_SERVER_ID"], told["ROTATOR_POLICY"]) == ("8e1b-44", "")


def test_no_variable_holds_what_none_can_hold() -> None:
    assert hook_variables(call("before", snapshot="a\0b\nc"))["ROTATOR_SNAPSHOT"] == r"a\x00b\nc"


def test_variables_win_over_what_is_inherited_and_the_environment_is_not_changed() -> None:
    environ = {"PATH": "/bin", "ROTATOR_SERVER": "old", "ROTATOR_API_TOKEN": "s3cret", "LISTENER": "kept"}
    assert environment(environ, {"ROTATOR_SERVER": "web"}) == {
        "PATH": "/bin",
        "ROTATOR_SERVER": "web",
        "LISTENER": "kept",
    }
    assert environ["ROTATOR_SERVER"] == "old"
