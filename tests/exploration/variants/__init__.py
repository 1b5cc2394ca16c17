"""Rotator, deliberately broken in one place at a time: every variant is caught by at least one path.

`TABLE` says of each where it is looked for, which rule it breaks, and the key of a path on which it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.exploration.variants import decisions, memories, readings

Break = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Variant:
    """What is broken, the rule that it breaks, and a path that shows it; `faults` is how many it takes."""

    broken: Break
    rule: str
    key: str

    @property
    def name(self) -> str:
        """What is broken, in words."""
        return self.broken.__name__

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Rotator is broken meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            self.broken(patch)
            yield


TABLE = (
    Variant(decisions.deletes_first, "S6", "s1-t2-k4-m1-f0-full-run:"),
    Variant(decisions.prunes_before_complete, "S6", "s1-t2-k2-m1-f0-over-run:5=odd"),
    Variant(decisions.ignores_foreign_for_room, "S8", "s1-t2-k3-m1-f2-full-run:"),
    Variant(decisions.posts_at_five, "S8", "s1-t2-k5-m1-f0-full-run:"),
    Variant(decisions.never_creates, "L1", "s1-t2-k2-m1-f0-over-run:"),
    Variant(decisions.never_prunes, "keep", "s1-t2-k4-m1-f0-full-run:"),
    Variant(decisions.takes_any_hour_for_a_slot, "L2", "s1-t2-k5-m1-f0-empty-run:"),
    Variant(decisions.floor_off_by_one, "S1", "s1-t2-k5-m2-f3-full-run:"),
    Variant(decisions.newest_may_go, "S5", "s1-t2-k4-m1-f0-full-run:"),
    Variant(decisions.prunes_in_a_burst, "S11", "s1-t2-k2-m1-f0-over-run:"),
    Variant(decisions.future_slot_counts, "keep", "s1-t2-k4-m1-f0-full-run:5=clock-70m"),
    Variant(readings.failed_counts_as_good, "S6", "s1-t2-k3-m1-f0-full-run:2=fails"),
    Variant(readings.in_progress_counts_as_good, "S6", "s1-t2-k4-m1-f0-full-run:"),
    Variant(readings.unknown_status_is_deletable, "S3", "s1-t2-k4-m1-f0-full-run:2=odd"),
    Variant(readings.prefix_alone_is_ownership, "S2", "s1-t2-k4-m1-f1-full-run:"),
    Variant(readings.trusts_an_empty_list, "S7", "s1-t2-k3-m1-f0-half-bare:12=clock-70m,15=empty"),
    Variant(readings.accepts_a_list_with_a_wrong_count, "S4", "s1-t2-k4-m1-f0-full-run:1=page-lost"),
    Variant(readings.reads_pages_once, "S4", "s1-t2-k4-m1-f0-full-bare-p3:2=person-replaces"),
    Variant(readings.takes_a_server_nobody_mentions_for_empty, "S4", "s2-t2-k3-m1-f0-half-run:9=truncated"),
    Variant(memories.posts_again_blindly, "S7", "s1-t2-k3-m1-f0-half-run:9=5xx-after"),
    Variant(memories.two_deletes_from_one_list, "S4", "s1-t2-k3-m1-f0-over-run:"),
    Variant(memories.forgets_the_slot_after_a_crash, "S7", "s1-t2-k3-m1-f0-half-run:11=crash-before,13=stale"),
    Variant(memories.skips_the_slot_it_died_in, "L3", "s1-t2-k3-m1-f0-half-run:9=crash-before"),
    Variant(memories.forgets_what_is_stuck, "keep", "s1-t2-k4-m1-f0-full-run:12=slow"),
    Variant(memories.takes_one_list_for_proof, "S7", "s1-t2-k3-m1-f0-half-run:9=5xx-after,11=stale"),
    Variant(memories.forgets_a_later_slot, "S7", "s1-t2-k2-m1-f0-empty-run:1=lagging,3=clock-90s"),
    Variant(memories.gives_up_two_for_one_slot, "S11", "s1-t2-k5-m1-f0-full-run:4=person-creates"),
)
