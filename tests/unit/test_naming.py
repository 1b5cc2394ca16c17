"""Names, both ways: what is owned is decided on the whole name, never on a part of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.naming import ADOPT, PREFIX, is_adopted, printable, slot_in_name, snapshot_name
from tests.conftest import NOW
from tests.machine import machine_in

EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("prefix", "slot", "name"),
    [
        ("rotator", NOW, "rotator-20261123T020000Z"),
        ("nightly-db", NOW, "nightly-db-20261123T020000Z"),
        ("rotator", NOW.astimezone(EAST), "rotator-20261123T020000Z"),
        ("rotator", datetime(5, 1, 2, 3, 4, 5, tzinfo=UTC), "rotator-00050102T030405Z"),
    ],
)
def test_a_name_is_the_prefix_and_the_slot_in_utc(prefix: str, slot: datetime, name: str) -> None:
    assert snapshot_name(prefix, slot) == name
    assert slot_in_name(prefix, name) == slot


def test_a_name_does_not_depend_on_the_zone_of_the_machine() -> None:
    with machine_in("Asia/Tokyo"):
        assert snapshot_name("rotator", NOW) == "rotator-20261123T020000Z"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "rotator",
        "rotator-",
        "rotator-20261123T020000Z-old",
        "rotator-20261123T020000Z\n",
        "my-rotator-20261123T020000Z",
        "rotator2-20261123T020000Z",
        "rotator_20261123T020000Z",
        "Rotator-20261123T020000Z",
        "rotator--20261123T020000Z",
        "rotator-db-20261123T020000Z",
        "rotator-20261123T020000",
        "rotator-20261123T020000z",
        "rotator-20261123t020000Z",
        "rotator-2026-11-23T02:00Z",
        "rotator-20261323T020000Z",
        "rotator-20260231T020000Z",
        "rotator-20261123T240000Z",
        "rotator-20261123T026000Z",
        "rotator-20261231T235960Z",
        "rotator-00000101T000000Z",
        "rotator-\uff12\uff10\uff12\uff161123T020000Z",
        "rotator- 0261123T020000Z",
    ],
)
def test_any_other_name_states_no_slot(name: str) -> None:
    assert slot_in_name("rotator", name) is None


def test_one_prefix_may_begin_like_another_without_owning_its_snapshots() -> None:
    assert slot_in_name("nightly", "nightly-db-20261123T020000Z") is None
    assert slot_in_name("nightly-db", "nightly-20261123T020000Z") is None


@given(st.from_regex(PREFIX, fullmatch=True), st.datetimes(timezones=st.just(UTC)))
def test_every_slot_comes_back_from_its_name_and_from_no_other_prefix(prefix: str, slot: datetime) -> None:
    whole = slot.replace(microsecond=0)
    name = snapshot_name(prefix, whole)
    assert slot_in_name(prefix, name) == whole
    assert slot_in_name(prefix + "x", name) is None
    assert slot_in_name("x" + prefix, name) is None


@pytest.mark.parametrize(
    ("prefix", "valid"),
    [
        ("rotator", True),
        ("a", True),
        ("9", True),
        ("a_b-c", True),
        ("AZ-az-09", True),
        ("a" * 40, True),
        ("", False),
        ("a" * 41, False),
        ("-a", False),
        ("a-", False),
        ("a.b", False),
        ("a\n", False),
        ("ä", False),
    ],
)
def test_a_prefix_keeps_to_the_names_of_the_api(prefix: str, valid: bool) -> None:
    assert (PREFIX.fullmatch(prefix) is not None) is valid


@pytest.mark.parametrize(
    ("pattern", "name", "adopted"),
    [
        ("old-nightly", "old-nightly", True),
        ("old-nightly", "old-nightly-2", False),
        ("old-nightly", "my-old-nightly", False),
        ("old-*", "old-", True),
        ("old-*", "old-nightly-3", True),
        ("old-*", "very-old-nightly", False),
        ("*-auto", "web-auto", True),
        ("*-auto", "web-auto-2", False),
        ("auto-?", "auto-1", True),
        ("auto-?", "auto-12", False),
        ("auto-?", "auto-", False),
        ("a.c", "abc", False),
        ("a.c", "a.c", True),
        ("Old", "old", False),
        ("a*", "a\nb", True),
    ],
)
def test_an_adopt_pattern_matches_the_whole_name_or_nothing(pattern: str, name: str, adopted: bool) -> None:
    assert is_adopted((pattern,), name) is adopted


def test_without_patterns_nothing_is_adopted_and_one_of_several_is_enough() -> None:
    assert not is_adopted((), "anything")
    assert is_adopted(("no", "any*"), "anything")


@pytest.mark.parametrize(
    ("pattern", "valid"),
    [
        ("old-*", True),
        ("a", True),
        ("AZ_az-09", True),
        ("?9", True),
        ("*", False),
        ("**?-", False),
        ("a b", False),
    ],
)
def test_a_pattern_of_wildcards_alone_is_no_pattern(pattern: str, valid: bool) -> None:
    assert (ADOPT.fullmatch(pattern) is not None) is valid


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web 1, Zürich", "web 1, Zürich"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202eb", "\\u202eb"),
        ("", ""),
    ],
)
def test_what_could_move_a_cursor_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
