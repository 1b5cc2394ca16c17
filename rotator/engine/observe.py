"""Lists → one observation per server; a list that is not complete is an error of its servers, never an empty list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from rotator.engine.pool import Circuit, Workers
from rotator.errors import RotatorError, UnreadableError
from rotator.logs import Event, logger
from rotator.model import Id, Listing, Observation, Policy, Server, Snapshot

Clock = Callable[[], datetime]

Seen = Observation | RotatorError | None
"""What is known of one server: its observation, why there is none, or None where it was not asked for."""


class SnapshotApi(Protocol):
    """What the engine needs of the API; every method raises `ApiError` or `CredentialsError` and nothing else."""

    def account_snapshots(self) -> Listing:
        """Every snapshot of the account."""
        ...

    def server_snapshots(self, server_id: Id) -> Listing:
        """Every snapshot of one server."""
        ...

    def servers(self) -> Sequence[Server]:
        """Every server of the account."""
        ...

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        """Ask for a snapshot once; MaybeCreatedError when the outcome is unknown."""
        ...

    def delete_snapshot(self, snapshot_id: Id) -> None:
        """Delete a snapshot; one that is gone already is done."""
        ...


def observe(
    api: SnapshotApi, policies: Sequence[Policy], clock: Clock, pool: Workers, circuit: Circuit
) -> list[tuple[Policy, Seen]]:
    """One list for one server, the account's list for several.

    Servers that the account's list does not mention are asked for one by one: an account's list that lacks rows
    would otherwise look like servers without snapshots, and slots would be taken twice (S4, S7).
    """
    ids = [policy.server_id for policy in policies]
    seen: dict[Id, Seen] = {}
    if len(ids) > 1:
        [listed] = pool.each(lambda _: _from_account(api, ids, clock), [None], circuit)
        seen |= listed if isinstance(listed, dict) else {}
    missing = [server_id for server_id in ids if server_id not in seen]
    seen |= zip(missing, pool.each(lambda id_: observe_one(api, id_, clock), missing, circuit), strict=True)
    return [(policy, seen[policy.server_id]) for policy in policies]


def observe_one(api: SnapshotApi, server_id: Id, clock: Clock) -> Observation:
    """One server's own list; any row of it that cannot be read makes it unusable.

    An empty one is asked for again, and the second answer counts. A list that is empty by a fault of the API, with a
    count of 0, looks just like a server without snapshots, and a slot that has its restore point would be taken again
    (S7).
    """
    taken_at = clock()
    snapshots = _own_rows(api, server_id)
    if not snapshots:
        taken_at = clock()
        snapshots = _own_rows(api, server_id)
    return Observation(snapshots, taken_at)


def _own_rows(api: SnapshotApi, server_id: Id) -> tuple[Snapshot, ...]:
    listing = api.server_snapshots(server_id)
    for _, why in listing.unreadable:
        raise UnreadableError(why)
    return listing.snapshots


def _from_account(api: SnapshotApi, ids: Iterable[Id], clock: Clock) -> dict[Id, Seen]:
    taken_at = clock()
    try:
        listing = api.account_snapshots()
    except UnreadableError as error:
        logger().warning(Event.API_ERROR, reason=f"{error}; asking server by server")
        return {}
    rows: dict[Id, list[Snapshot]] = {server_id: [] for server_id, _ in listing.unreadable}
    for snapshot in listing.snapshots:
        rows.setdefault(snapshot.server_id, []).append(snapshot)
    unreadable = dict(listing.unreadable)
    return {
        id_: UnreadableError(unreadable[id_]) if id_ in unreadable else Observation(tuple(rows[id_]), taken_at)
        for id_ in ids
        if id_ in rows
    }
