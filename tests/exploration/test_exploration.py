"""No path of a small world breaks a rule, with two faults and one machine, or one fault and two machines."""

from __future__ import annotations

import pytest

from tests.exploration.__main__ import explored
from tests.exploration.totals import PAGED, PATHS
from tests.exploration.worlds import covering, every_world

# The long ones first: two workers then end at about the same time.
TOTALS = PATHS | PAGED
LONGEST_FIRST = sorted(TOTALS, key=lambda each: -TOTALS[each])


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("world", "faults"), LONGEST_FIRST)
def test_on_every_path_every_rule_holds_and_in_the_end_all_is_right(world: str, faults: int) -> None:
    found = explored(world, faults)
    report = "\n".join(f"{why}\n  pytest --replay '{key}'" for key, why in found.violations.items())
    assert not found.violations, report
    assert found.paths == TOTALS[world, faults], "the paths changed: put the number into totals.py, and into README"


def test_every_pair_of_values_occurs_in_a_world_that_is_explored() -> None:
    explored_worlds = {name for name, _ in PATHS}
    assert {world.name for world in covering(every_world())} <= explored_worlds
