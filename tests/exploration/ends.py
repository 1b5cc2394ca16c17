"""What must be true once faults have been over for long enough: L1, L2 and L3."""

from __future__ import annotations

from rotator.model import Id, Policy, State
from rotator.simulate.rules import FUTURE, RuleBrokenError, is_owned, slot_of
from rotator.slots import latest_slot
from tests.exploration.machine import Machine, is_settled
from tests.exploration.system import CRASHES_ONLY, System

Final = frozenset[tuple[Id, str, str]]
"""What is there in the end: server, name, status."""


def final(system: System) -> Final:
    """What is really there."""
    return frozenset((each.server_id, each.name, each.status) for each in system.account.there())


def judge_end(system: System, undisturbed: Final | None) -> None:
    """Raise RuleBrokenError if the end is not as it must be; `undisturbed` is the end of the path without faults."""
    for machine in system.machines:
        for policy in system.world.policies:
            _judge_l1(system, machine, policy)
    if system.mood == CRASHES_ONLY and undisturbed is not None and final(system) != undisturbed:
        lost, new = sorted(undisturbed - final(system)), sorted(final(system) - undisturbed)
        raise RuleBrokenError(f"L3: after crashes alone {lost} lack and {new} are there")
    standings = [each for machine in system.machines for each in machine.last.standings.values()]
    if all(is_settled(each) for each in standings):
        for machine in system.machines:
            _judge_l2(system, machine)


def _judge_l1(system: System, machine: Machine, policy: Policy) -> None:
    """Every due slot has its restore point, or the last outcome names a problem."""
    reached = latest_slot(policy.schedule, machine.clock() - policy.splay)
    slots = [
        slot
        for each in system.account.there(policy.server_id)
        if is_owned(policy, each) and each.state is State.COMPLETED and (slot := slot_of(policy, each))
        if slot <= machine.clock() + FUTURE
    ]
    kind, _ = machine.last.standings.get(policy.server_id, ("never seen", False))
    # Of two machines one may have gone to sleep before a person deleted it; the other one tells.
    named = any(each.last.standings.get(policy.server_id, ("", False))[1] for each in system.machines)
    if not named and (reached is None or max(slots, default=None) is None or max(slots) < reached):
        raise RuleBrokenError(f"L1: slot {reached} of {policy.server_id} has no restore point: {kind}, and no alert")


def _judge_l2(system: System, machine: Machine) -> None:
    """What is settled stays as it is: for the process that settled it, and for one that begins now."""
    before = system.outside.changes
    for name, again in (("the next pass", machine.look), ("a new process", machine.start_again)):
        again()
        if system.outside.changes != before:
            raise RuleBrokenError(f"L2: {name} changes what was settled")
