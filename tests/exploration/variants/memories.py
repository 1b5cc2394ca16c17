"""Broken variants that forget what they did, or do not wait for what comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from rotator.api import caller
from rotator.api.retry import is_passing
from rotator.engine import act, outcomes
from rotator.engine.ledger import Past, Result
from rotator.engine.memory import Attempts, Deletions, Permission
from rotator.engine.step import Step
from rotator.model import Id, Verb
from tests.exploration.ledger import ShortLedger


def posts_again_blindly(patch: pytest.MonkeyPatch) -> None:
    """A create that the API answers with 5xx is sent again."""
    patch.setattr(caller, "_may_repeat", lambda method, status: is_passing(status))


def two_deletes_from_one_list(patch: pytest.MonkeyPatch) -> None:
    """All deletes of a plan are made at once."""
    delete = act.Actor._delete

    def broken(self: act.Actor, step: Step, action: Any) -> bool:
        done = delete(self, step, action)
        for each in step.plan.actions[1:]:
            if each.verb is Verb.DELETE and each.snapshot_id is not None:
                self._api.delete_snapshot(each.snapshot_id)
        return done

    patch.setattr(act.Actor, "_delete", broken)


def forgets_the_slot_after_a_crash(patch: pytest.MonkeyPatch) -> None:
    """A new process knows nothing of what was asked for before."""
    patch.setattr(ShortLedger, "past", lambda self: Past())


def skips_the_slot_it_died_in(patch: pytest.MonkeyPatch) -> None:
    """A new process leaves alone what an earlier one asked for, whatever came of it."""
    permission = Attempts.permission

    def broken(self: Attempts, server_id: Id, slot: datetime, listed_at: datetime) -> Permission:
        attempt = self.of(server_id, slot)
        if attempt is not None and not attempt.watched:
            return Permission(granted=False, reason="somebody else asked for it")
        return permission(self, server_id, slot, listed_at)

    patch.setattr(Attempts, "permission", broken)


def forgets_what_is_stuck(patch: pytest.MonkeyPatch) -> None:
    """A snapshot that takes long is not looked at again: it may end after all."""
    patch.setattr(outcomes, "_is_stuck", lambda step: False)


def takes_one_list_for_proof(patch: pytest.MonkeyPatch) -> None:
    """One list without it proves that a create whose answer was lost made nothing."""
    permission = Attempts.permission

    def broken(self: Attempts, server_id: Id, slot: datetime, listed_at: datetime) -> Permission:
        attempt = self.of(server_id, slot)
        if attempt is not None and attempt.stage is Result.UNCERTAIN:
            return Permission(granted=True)
        return permission(self, server_id, slot, listed_at)

    patch.setattr(Attempts, "permission", broken)


def forgets_a_later_slot(patch: pytest.MonkeyPatch) -> None:
    """A clock that was set back leads to an older slot, whatever was asked for by then."""
    patch.setattr(Attempts, "awaited", lambda *args: Permission(granted=True))


def gives_up_two_for_one_slot(patch: pytest.MonkeyPatch) -> None:
    """Somebody takes the place that was made: another restore point goes."""
    patch.setattr(Deletions, "gave_room", lambda *args: False)
