"""What must be true once faults have been over for long enough: L1, L2, L3, and that what keep gives up is gone."""

from __future__ import annotations

from datetime import datetime

from rotator.engine import Kind
from rotator.model import Id, Policy, Sign, State
from rotator.naming import snapshot_name
from rotator.simulate.rules import FUTURE, RuleBrokenError, is_owned, slot_of
from rotator.slots import latest_slot
from tests.exploration.machine import Machine, Standing, is_settled
from tests.exploration.system import ANYTHING, CRASHES_ONLY, System
from tests.history import says_why_not

Final = frozenset[tuple[Id, str, str]]
"""What is there in the end: server, name, status."""

_NEVER_SEEN: Standing = (Kind.IDLE.value, ())


def final(system: System) -> Final:
    """What is really there."""
    return frozenset((each.server_id, each.name, each.status) for each in system.account.there())


def judge_end(system: System, undisturbed: Final | None) -> None:
    """Raise RuleBrokenError if the end is not as it must be; `undisturbed` is the end of the path without faults."""
    for machine in system.machines:
        for policy in system.world.policies:
            _judge_l1(system, machine, policy)
            _judge_surplus(system, machine, policy)
    if system.mood == CRASHES_ONLY and undisturbed is not None and final(system) != undisturbed:
        lost, new = sorted(undisturbed - final(system)), sorted(final(system) - undisturbed)
        raise RuleBrokenError(f"L3: after crashes alone {lost} lack and {new} are there")
    standings = [each for machine in system.machines for each in machine.last.standings.values()]
    if all(is_settled(each) for each in standings):
        for machine in system.machines:
            _judge_l2(system, machine)


def _judge_l1(system: System, machine: Machine, policy: Policy) -> None:
    """Every due slot has its restore point, or the last outcome says why not."""
    reached = latest_slot(policy.schedule, machine.clock() - policy.splay)
    # Of two machines one may have gone to sleep before a person deleted it; the other one tells.
    told = [each.last.standings.get(policy.server_id, _NEVER_SEEN) for each in system.machines]
    if any(says_why_not(Kind(kind), [Sign(each) for each in signs]) for kind, signs in told):
        return
    slots = _slots(system, machine, policy)
    if reached is None or not slots or max(slots) < reached:
        raise RuleBrokenError(f"L1: slot {reached} of {policy.server_id} has no restore point: {told}")


def _judge_surplus(system: System, machine: Machine, policy: Policy) -> None:
    """Where nobody interfered and all came to an end, there is no more than keep wants, and it is the newest.

    More than an unattended run may prune is held (S11).
    """
    kind, signs = machine.last.standings.get(policy.server_id, _NEVER_SEEN)
    ended = all(each.state in (State.COMPLETED, State.FAILED) for each in system.account.there(policy.server_id))
    if system.mood >= ANYTHING or kind != Kind.IDLE or Sign.HELD in signs or not ended:
        return
    slots = _slots(system, machine, policy)
    if len(slots) > policy.keep.total:
        raise RuleBrokenError(f"keep: {policy.server_id} has {len(slots)} slots in the end, not {policy.keep}")
    mine = ((name, at) for server_id, name, at in system.world.planted() if server_id == policy.server_id)
    planted = {at for name, at in mine if name == snapshot_name(policy.prefix, at)}
    if slots and planted - slots and max(planted - slots) > min(slots):
        raise RuleBrokenError(f"keep: {policy.server_id} has {min(slots)} in the end, but not {max(planted - slots)}")


def _slots(system: System, machine: Machine, policy: Policy) -> set[datetime]:
    """The slots that have a restore point, by the clock of the machine."""
    return {
        slot
        for each in system.account.there(policy.server_id)
        if is_owned(policy, each) and each.state is State.COMPLETED and (slot := slot_of(policy, each))
        if slot <= machine.clock() + FUTURE
    }


def _judge_l2(system: System, machine: Machine) -> None:
    """What is settled stays as it is: for the process that settled it, and for one that begins now."""
    before = system.outside.changes
    for name, again in (("the next pass", machine.look), ("a new process", machine.start_again)):
        again()
        if system.outside.changes != before:
            raise RuleBrokenError(f"L2: {name} changes what was settled")
