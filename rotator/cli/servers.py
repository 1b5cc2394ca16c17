"""The servers that `--server` names."""

from __future__ import annotations

from collections.abc import Sequence

from rotator.errors import UsageError
from rotator.model import Id, Policy, opaque_id


def chosen(policies: Sequence[Policy], names: Sequence[str] | None) -> tuple[Policy, ...]:
    """The policies of the servers named by `--server`, or all; UsageError for a name that is not configured."""
    if not names:
        return tuple(policies)
    meant = {name: [each for each in policies if is_called(name, each.server_id, each.server)] for name in names}
    unknown = [name for name, found in meant.items() if not found]
    if unknown:
        known = ", ".join(policy.server for policy in policies[:10]) + (", …" if len(policies) > 10 else "")
        known = known or "none: every server is switched off"
        raise UsageError(
            f"--server {unknown[0]}: no enabled server of the configuration has this name or id; it has {known}"
        )
    return tuple(policy for policy in policies if any(policy in found for found in meant.values()))


def is_called(wanted: str, server_id: Id, name: str) -> bool:
    """Whether `--server wanted` means the server of this id and name."""
    return wanted == name or opaque_id(wanted) == server_id
