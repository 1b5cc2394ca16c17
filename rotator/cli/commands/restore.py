"""`rotator restore`: overwrite a server with a restore point, after showing which and asking."""

from __future__ import annotations

import argparse

from rotator.cli.account import clock, open_account
from rotator.cli.ask import typed
from rotator.cli.words import write
from rotator.errors import Exit, UsageError
from rotator.logs import Event, logger
from rotator.model import Snapshot, State, opaque_id
from rotator.naming import printable
from rotator.standing.words import age


def run(arguments: argparse.Namespace) -> int:
    """Find the snapshot, show what will happen, ask, ask the API."""
    with open_account(arguments) as account:
        wanted = opaque_id(arguments.snapshot_id)
        found = [each for each in account.client.account_snapshots().snapshots if each.id == wanted]
        if not found:
            raise UsageError(f"no snapshot of this account has the id {wanted}; `rotator status --json` shows the ids")
        snapshot = found[0]
        _refuse_incomplete(snapshot)
        write(_warning(snapshot))
        name = snapshot.server_name
        if not arguments.yes and not typed(f"Type the server's name, {printable(name)}, to go ahead: ", name):
            write(["nothing was done"])
            return Exit.PROBLEM
        message = account.client.restore_snapshot(snapshot.id)
        fields = {"server_id": snapshot.server_id, "server": name, "snapshot": snapshot.name}
        logger().warning(Event.SNAPSHOT_RESTORE_REQUESTED, **fields, snapshot_id=snapshot.id, reason="asked by hand")
        write([f"{printable(message)}; the server is back in 5 to 15 minutes"])
        return Exit.DONE


def _refuse_incomplete(snapshot: Snapshot) -> None:
    if snapshot.state is not State.COMPLETED:
        words = f"snapshot {snapshot.id} ({printable(snapshot.name)}) has status {snapshot.status!r}"
        raise UsageError(f"{words}: only a completed one can be restored; see `rotator status`")


def _warning(snapshot: Snapshot) -> list[str]:
    made = f"{snapshot.created_at:%Y-%m-%d %H:%M} UTC" if snapshot.created_at else "an unknown time"
    ago = f", {age(clock() - snapshot.created_at)} ago" if snapshot.created_at else ""
    return [
        f"Restore {printable(snapshot.name)} ({snapshot.id}) of {made}{ago}",
        f"onto server {printable(snapshot.server_name)} ({snapshot.server_id}).",
        "The server stops, its whole disk is overwritten, and everything written since",
        "then is lost. This takes 5 to 15 minutes and cannot be undone.",
    ]
