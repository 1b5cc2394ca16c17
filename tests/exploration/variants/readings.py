"""Broken variants that read something else in a list than it says, or take for a list what is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pytest

from rotator.api import Client
from rotator.api.answers import Page, parse_page
from rotator.engine import observe
from rotator.engine.observe import Clock, SnapshotApi
from rotator.model import Id, Observation, Policy, Snapshot
from rotator.planner import census
from tests.exploration.variants.decisions import plan


def _reads(patch: pytest.MonkeyPatch, status: str, as_: str) -> None:
    take = census.take_census

    def broken(policy: Policy, observation: Observation, now: datetime) -> census.Census:
        rows = (replace(each, status=as_) if each.status == status else each for each in observation.snapshots)
        return take(policy, replace(observation, snapshots=tuple(rows)), now)

    patch.setattr(plan, "take_census", broken)


def failed_counts_as_good(patch: pytest.MonkeyPatch) -> None:
    """A failed snapshot is a restore point."""
    _reads(patch, "failed", "completed")


def in_progress_counts_as_good(patch: pytest.MonkeyPatch) -> None:
    """One in progress is a restore point."""
    _reads(patch, "in_progress", "completed")


def unknown_status_is_deletable(patch: pytest.MonkeyPatch) -> None:
    """A status that nobody documented means that it failed."""
    _reads(patch, "archived", "failed")


def prefix_alone_is_ownership(patch: pytest.MonkeyPatch) -> None:
    """What begins like its own is its own."""

    def broken(policy: Policy, snapshot: Snapshot) -> census.Owned | None:
        owned = as_owned(policy, snapshot)
        if owned is None and snapshot.name.startswith(policy.prefix):
            return census.Owned(snapshot, snapshot.created_at)
        return owned

    as_owned = census.as_owned
    patch.setattr(census, "as_owned", broken)


def trusts_an_empty_list(patch: pytest.MonkeyPatch) -> None:
    """A list that counts nothing is believed at once."""

    def broken(api: SnapshotApi, server_id: Id, clock: Clock) -> Observation:
        taken_at = clock()
        return Observation(api.server_snapshots(server_id).snapshots, taken_at)

    patch.setattr(observe, "observe_one", broken)


def accepts_a_list_with_a_wrong_count(patch: pytest.MonkeyPatch) -> None:
    """The rows that came are all there are."""

    def broken(body: bytes) -> Page:
        page = parse_page(body)
        return Page(len(page.rows), page.rows, None)

    patch.setattr("rotator.api.client.parse_page", broken)


def reads_pages_once(patch: pytest.MonkeyPatch) -> None:
    """Pages whose counts agree are a complete list."""
    patch.setattr(Client, "_rows", lambda self, path, what: self._pages(path, what)[0])


def takes_a_server_nobody_mentions_for_empty(patch: pytest.MonkeyPatch) -> None:
    """The account's list is complete: a server that it lacks has no snapshots."""
    from_account = observe._from_account

    def broken(api: SnapshotApi, ids: Iterable[Id], clock: Clock) -> dict[Id, observe.Seen]:
        wanted = list(ids)
        taken_at = clock()
        empty: dict[Id, observe.Seen] = {each: Observation((), taken_at) for each in wanted}
        return empty | from_account(api, wanted, clock)

    patch.setattr(observe, "_from_account", broken)
