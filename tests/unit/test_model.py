"""The values: what a status means, which ids are one, how a keep policy reads."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.model import Id, Keep, Listing, Observation, Plan, Policy, Snapshot, State, opaque_id
from tests.builders import observation, policy, snapshot


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (12345, 12345),
        ("12345", 12345),
        ("0", 0),
        ("012345", "012345"),
        ("+5", "+5"),
        ("-5", "-5"),
        ("1e3", "1e3"),
        ("\uff11\uff12", "\uff11\uff12"),
        ("", ""),
        ("f3b9a2d0-7c1e", "f3b9a2d0-7c1e"),
    ],
)
def test_an_id_is_one_value_however_it_was_written(raw: Id, meant: Id) -> None:
    assert opaque_id(raw) == meant
    assert type(opaque_id(raw)) is type(meant)


@given(st.integers(min_value=0) | st.text())
def test_an_id_keeps_its_text(raw: Id) -> None:
    assert str(opaque_id(raw)) == str(raw)
    assert opaque_id(opaque_id(raw)) == opaque_id(raw)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("completed", State.COMPLETED),
        ("in_progress", State.IN_PROGRESS),
        ("failed", State.FAILED),
        ("error", State.FAILED),
        ("Completed", State.UNKNOWN),
        ("restoring", State.UNKNOWN),
        ("deleting", State.UNKNOWN),
        ("", State.UNKNOWN),
    ],
)
def test_only_known_words_mean_something(status: str, state: State) -> None:
    assert snapshot("any", status=status).state is state


@pytest.mark.parametrize(
    ("keep", "total", "text"),
    [
        (Keep(last=4), 4, "4"),
        (Keep(daily=3), 3, "{daily: 3}"),
        (Keep(last=2, daily=1, weekly=1), 4, "{last: 2, daily: 1, weekly: 1}"),
        (Keep(hourly=1, monthly=2, yearly=2), 5, "{hourly: 1, monthly: 2, yearly: 2}"),
        (Keep(), 0, "0"),
    ],
)
def test_a_keep_policy_counts_its_slots_and_reads_as_it_is_written(keep: Keep, total: int, text: str) -> None:
    assert keep.total == total
    assert str(keep) == text


def test_keep_rules_come_finest_first() -> None:
    assert list(Keep().counts()) == ["last", "hourly", "daily", "weekly", "monthly", "yearly"]


@pytest.mark.parametrize(
    "value",
    [
        policy(),
        snapshot("a"),
        observation(),
        Keep(last=1),
        Listing(()),
        Plan(1, "web", None, due=False, next_slot=None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_frozen_and_hold_nothing_that_can_change(
    value: Policy | Snapshot | Observation | Keep | Listing | Plan,
) -> None:
    held: list[Any] = [getattr(value, field.name) for field in fields(value)]
    assert not any(isinstance(each, list | dict | set) for each in held)
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)
    hash(value)
