"""Not running a state twice loses no path, and a state is all that the future depends on."""

from __future__ import annotations

import pytest

from tests.exploration.explore import Explorer
from tests.exploration.pair import system_of
from tests.exploration.processes import CronMachine, DaemonMachine
from tests.exploration.quiet import quiet
from tests.exploration.variants import Break, memories, readings
from tests.exploration.worlds import World, world_named

SMALL = world_named("s1-t2-k2-m1-f0-empty-run")
BARE = world_named("s1-t2-k2-m1-f0-half-cron")


PAIR = world_named("s1-t1-k2-m1-f0-empty-pair")


@pytest.mark.parametrize(("world", "faults"), [(SMALL, 1), (BARE, 1), (PAIR, 0)], ids=lambda each: str(each))
def test_exploring_with_and_without_pruning_finds_the_same_paths_and_ends_and_no_violation(
    world: World, faults: int
) -> None:
    with quiet():
        pruned = Explorer(system_of(world)).explore(faults)
        whole = Explorer(system_of(world), prunes=False).explore(faults)
    assert (pruned.paths, pruned.violations) == (whole.paths, whole.violations) == (whole.paths, {})
    assert pruned.ends == whole.ends
    assert pruned.runs < whole.runs


@pytest.mark.parametrize("broken", [readings.failed_counts_as_good, memories.posts_again_blindly])
def test_of_a_broken_variant_both_find_the_same_rules_broken(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch)
    with quiet():
        pruned = Explorer(system_of(SMALL), most=1000).explore(1)
        whole = Explorer(system_of(SMALL), prunes=False, most=1000).explore(1)
    assert set(pruned.violations.values()) == set(whole.violations.values()) != set()
    assert pruned.violations.keys() <= whole.violations.keys()
    assert pruned.paths == whole.paths


# What holds state, and what of it is in a digest, or needs not be.
KNOWN = {
    "engine._attempts": {"_last", "_retry_delays", "_settle", "_ledger"},
    "engine._deletions": {"_last", "_room"},
    "engine._outcomes": {"_outages", "_clock", "_poll_interval", "_recheck"},
    # What was said decides nothing but what is said again.
    "engine._told": {"_said", "count"},
    # No world has hooks, nor a person who restores.
    "engine._quieting": {"_run_hook", "_ledger", "_clock", "_attempts", "_lasting", "_mine", "_failures", "_lock"},
    "engine._holds": {"_api", "_clock", "_ledger", "_now"},
    # `begun` is empty between two passes.
    "engine._actor": {"_api", "_clock", "_attempts", "_deletions", "_ledger", "_quieting", "begun"},
    "engine": {
        "_api", "_clock", "_by", "_recheck", "_ledger", "_pool", "_attempts", "_deletions", "_quieting", "_actor",
        "_holds", "_outcomes", "_told", "_stopping", "_aside", "_aside_steps", "_aside_done", "_handed_over",
    },
    # The queue holds the same as `_at`.
    "agenda": {"_policies", "_place", "_at", "_queue", "_waiting", "_lasting", "_patient"},
    "ledger": {
        "_debts", "usually", "intents", "results", "took", "ended_at", "held", "_clock", "_since_start",
    },
    # A client knows nothing of the calls before; a warning about clocks is given once.
    "_client": {"_caller"},
    "_client._caller": {
        "url", "_token", "_spelled", "_clock", "_sleep", "_observe", "_transport", "_skew_told",
    },
}  # fmt: skip

# No path is as long as a day, which is when `_last_look` matters; tokens are never refused.
OF_THE_DAEMON = {
    "_watchers", "_load", "_signals", "_clock", "_monotonic", "_timer", "_setup", "_agenda", "_offset", "_passes",
    "_refused", "_last_look",
}  # fmt: skip


@pytest.mark.parametrize("where", KNOWN)
def test_whatever_holds_state_has_no_attribute_that_is_not_known_here(where: str) -> None:
    """Whoever adds one decides whether it belongs to `Machine.save` and the digest."""
    machine = system_of(SMALL).machines[0]
    found: object = machine
    for name in where.split("."):
        found = machine.agenda() if name == "agenda" else getattr(found, name)
    assert set(vars(found)) == KNOWN[where]


def test_neither_has_a_machine() -> None:
    daemon, cron = (system_of(world).machines[0] for world in (SMALL, BARE))
    assert isinstance(daemon, DaemonMachine)
    assert set(vars(daemon.daemon)) == OF_THE_DAEMON
    common = {"name", "outside", "account", "wire", "last", "ledger", "bare", "_client", "engine"}
    assert set(vars(daemon)) == common | {"daemon"}
    assert isinstance(cron, CronMachine)
    assert set(vars(cron)) == common | {"_agenda"}
