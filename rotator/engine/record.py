"""Calls that are written down before and after they are made, wherever they are made from."""

from __future__ import annotations

import os
from datetime import datetime

from rotator.engine.ledger import Intent, Ledger, Result
from rotator.engine.observe import Clock, SnapshotApi
from rotator.errors import RotatorError, UnavailableError, UnreachableError
from rotator.model import Action, Cause, Id, Plan, Policy, Verb


def new_key() -> str:
    """What the ledger is to know a call by."""
    return os.urandom(8).hex()


def intent_of(
    policy: Policy,
    planned: Plan,
    action: Action,
    key: str,
    at: datetime,
    by: str,
    *,
    attempt: int = 1,
    pass_id: str = "",
) -> Intent:
    """What is about to be done to a server, for the ledger; a delete that makes room says for which slot."""
    for_slot = action.verb is Verb.CREATE or action.cause is Cause.ROOM
    return Intent(
        key,
        at,
        policy.server_id,
        policy.server,
        policy.name,
        action.verb.value,
        action.cause.value,
        action.name,
        action.reason,
        by,
        slot=planned.slot if for_slot else None,
        snapshot_id=action.snapshot_id,
        attempt=attempt,
        pass_id=pass_id,
    )


def delete_recorded(api: SnapshotApi, ledger: Ledger, clock: Clock, key: str, snapshot_id: Id) -> None:
    """Delete a snapshot whose intent is in the ledger; raises what the API raises."""
    try:
        api.delete_snapshot(snapshot_id)
    except RotatorError as error:
        unsure = isinstance(error, UnavailableError | UnreachableError)
        ledger.end(key, Result.UNCERTAIN if unsure else Result.FAILED, clock(), detail=str(error))
        raise
    ledger.end(key, Result.DONE, clock())
