"""The environment of a hook: what it is told about its snapshot, and what it must not inherit."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from rotator.naming import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.engine import HookCall

_WITHHELD = frozenset({"ROTATOR_API_TOKEN", "ROTATOR_API_TOKEN_FILE", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"})
_WITHHELD_PREFIXES = ("WATCHDOG_", "LISTEN_")
"""What systemd tells a service about itself: a program that is no part of it would answer in its name."""


def hook_variables(call: HookCall) -> dict[str, str]:
    """What a hook is told about its snapshot; what is not known or does not apply is empty, never missing."""
    return {
        "ROTATOR_PHASE": call.phase,
        "ROTATOR_SERVER_ID": printable(str(call.server_id)),
        "ROTATOR_SERVER": printable(call.server),
        "ROTATOR_POLICY": printable(call.policy),
        "ROTATOR_SNAPSHOT": printable(call.snapshot),
        "ROTATOR_SLOT": f"{call.slot.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "ROTATOR_OUTCOME": call.outcome,
    }


def environment(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """`environ` without the token and what belongs to the service itself, and with `variables`."""
    inherited = {
        name: value
        for name, value in environ.items()
        if name not in _WITHHELD and not name.startswith(_WITHHELD_PREFIXES)
    }
    return inherited | dict(variables)
