"""The picture of a simulation: what is drawn where, what is said of it, and how large it gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from rotator.model import Keep, State
from rotator.simulate.story import Fate, ServerStory, Story
from rotator.simulate.timeline import timeline
from rotator.simulate.timeline.axis import LEFT, RIGHT, WIDTH, Axis, ruler_of
from rotator.simulate.timeline.markup import cut, width_of
from rotator.simulate.timeline.panel import rules
from rotator.simulate.timeline.rows import MOST_ROWS
from rotator.simulate.timeline.shapes import state_of
from rotator.simulate.timeline.spells import spells
from rotator.slots import timezone_of
from tests.builders import policy
from tests.conftest import NOW
from tests.stories import BEGUN, DAY, HOUR, MINUTE, life, lived_through, renamed, server, story

HOSTILE = '<script>alert(1)</script>"&\u202e\x07\x1b[31m\ud800\ufffe名前'


def drawn(told: Story) -> str:
    return "".join(f"{line}\n" for line in timeline(told.servers, told))


def tree(told: Story) -> ET.Element:
    return ET.fromstring(drawn(told))


def tagged(root: ET.Element, tag: str) -> Iterator[ET.Element]:
    return root.iter("{http://www.w3.org/2000/svg}" + tag)


def texts(root: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in tagged(root, "text")]


def titles(root: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in tagged(root, "title")]


def bars(root: ET.Element, style: str = "point") -> list[tuple[float, float, float]]:
    """Left, top and width of every bar that says what it is."""
    found = [each for group in tagged(root, "g") if is_told(group) for each in tagged(group, "path")]
    boxes = [
        re.match(r"M([\d.]+) ([\d.]+)h([\d.]+)v", each.get("d", "")) for each in found if each.get("class") == style
    ]
    return [(float(box[1]), float(box[2]), float(box[3])) for box in boxes if box]


def is_told(group: ET.Element) -> bool:
    return group[0].tag.endswith("title")


def hourly(days: int = 90, kept: int = 4) -> ServerStory:
    return server(days, rules=policy(schedule="every hour"), kept=kept)


def test_each_snapshot_has_a_row_of_its_own_from_when_it_was_complete_to_its_end() -> None:
    root = tree(story(server(90)))
    found = bars(root)
    assert len(found) == 90
    assert len({top for _, top, _ in found}) == 90
    day = (RIGHT - LEFT) / 90
    for number, (left, _, width) in enumerate(found[:86]):
        begun = LEFT + (number + (2 * HOUR + 5 * MINUTE) / DAY) * day
        assert left == pytest.approx(begun, abs=0.06)
        assert width == pytest.approx(day * (4 - 5 * MINUTE / DAY), abs=0.11)
    assert all(left + width == pytest.approx(RIGHT, abs=0.11) for left, _, width in found[86:])


def test_who_points_at_a_bar_reads_its_life() -> None:
    told = titles(tree(story(server(6), days=6)))
    assert (
        "rotator-20261123T020000Z: asked for 2026-11-23 02:00:00Z; complete 2026-11-23 02:05:00Z; "
        "deleted 2026-11-27 02:00:00Z at the age of 4d: no keep rule wants it"
    ) in told
    assert told[-1].endswith("asked for 2026-11-28 02:00:00Z; complete 2026-11-28 02:05:00Z; there at the end, 22h old")


def test_what_is_not_a_restore_point_looks_different() -> None:
    root = tree(lived_through())
    assert len(bars(root, "foreign")) == 2
    said = {each.get("class"): titles(group)[0] for group in tagged(root, "g") if is_told(group) for each in group}
    assert "failed-4: asked for" in said["failed"]
    assert "; failed; deleted" in said["cross"]
    assert "odd: asked for" in said["odd"]
    assert "stuck: asked for" in said["wait"]
    assert "; in_progress; there at the end" in said["wait"]


def test_a_snapshot_in_progress_is_a_line_until_it_is_complete() -> None:
    slow = life("slow", BEGUN, 12 * HOUR, ready=BEGUN + 6 * HOUR)
    root = tree(story(ServerStory(policy(), (slow,), ()), days=1))
    line = next(each for group in tagged(root, "g") if is_told(group) for each in group if each.get("class") == "wait")
    quarter = (RIGHT - LEFT) / 4
    assert line.get("d", "").startswith(f"M{LEFT} ")
    assert line.get("d", "").endswith(f"h{quarter:g}")
    assert [(left, width) for left, _, width in bars(root)] == [(LEFT + quarter, quarter)]


def test_missed_late_and_open_slots_are_marked_and_named() -> None:
    told = titles(tree(lived_through()))
    assert "1 slot missed: 2026-12-02 01:00:00Z" in told
    assert "1 slot caught up: 2026-12-03 01:00:00Z" in told
    assert "1 slot open at the end: 2027-02-20 01:00:00Z" in told


def test_slots_too_near_each_other_share_a_mark_that_counts_them() -> None:
    fates = dict.fromkeys(range(100, 112), Fate.MISSED)
    root = tree(story(server(90, rules=policy(schedule="every hour"), fates=fates)))
    assert "a mark may stand for several slots" in texts(root)
    assert "a mark may stand for several slots" not in texts(tree(lived_through()))
    assert [each for each in titles(root) if "missed" in each] == [
        "12 slots missed: 2026-11-27 05:00:00Z to 2026-11-27 16:00:00Z"
    ]


def test_outages_are_bands_with_their_length() -> None:
    root = tree(lived_through())
    bands = [each for each in tagged(root, "rect") if each.get("fill") == "url(#rotator-outage)"][1:]
    assert [float(each.get("x", "")) for each in bands] == [
        pytest.approx(LEFT + days * (RIGHT - LEFT) / 90, abs=0.06) for days in (9, 40)
    ]
    assert [each for each in texts(root) if each.startswith("outage")] == ["outage 12h", "outage 50h"]
    assert "API outage of 12h: 2026-12-02 00:00:00Z to 2026-12-02 12:00:00Z" in titles(root)


def test_what_is_left_is_named_with_its_age_at_the_right_edge() -> None:
    said = texts(tree(story(server(90))))
    assert "there at the end: 4" in said
    place = said.index("rotator-20270217T020000Z")
    assert said[place - 1 : place + 7] == [
        "3d 22h",
        "rotator-20270217T020000Z",
        "2d 22h",
        "rotator-20270218T020000Z",
        "46h",
        "rotator-20270219T020000Z",
        "22h",
        "rotator-20270220T020000Z",
    ]


def test_the_heading_tells_server_policy_and_result() -> None:
    said = texts(tree(lived_through()))
    assert said[0] == "rotator simulate: web-server-01, 90 days, 2026-11-23 00:00:00Z to 2027-02-21 00:00:00Z"
    assert "every day at 02:00 (Europe/Berlin), keep the last 4, never fewer than 2" in said
    assert (
        "90 slots: 84 on time, 2 caught up, 3 missed, 1 open at the end. "
        "4 restore points at the end: 47h, 2d 23h, 3d 23h, 4d 23h old."
    ) in said


def test_rules_of_several_tiers_are_added_up() -> None:
    assert rules(policy(keep=Keep(last=1, weekly=2))) == "every day at 02:00 (UTC), keep 1 last + 2 weekly"


def test_names_are_text_whatever_they_hold() -> None:
    markup = drawn(story(renamed(server(5), HOSTILE), days=5))
    root = ET.fromstring(markup.encode())
    assert not list(tagged(root, "script"))
    assert '<script>alert(1)</script>"&\\u202e\\x07\\x1b[31m\\ud800\\ufffe名前' in texts(root)
    assert "<script>alert(1)</script>" in root.get("aria-label", "")
    assert any(each.startswith('<script>alert(1)</script>"&') and "asked for" in each for each in titles(root))
    assert all(char.isprintable() or char == "\n" for char in markup)


def test_a_long_name_keeps_its_end_where_the_slot_stands() -> None:
    name = "p" * 40 + "-20261123T020000Z"
    short = cut(name, 180, 11)
    assert short.startswith("ppp")
    assert "…" in short
    assert short.endswith("T020000Z")
    assert width_of(short, 11) <= 180
    assert cut("rotator-20261123T020000Z", 168, 11) == "rotator-20261123T020000Z"


def test_nothing_is_fetched_and_nothing_runs() -> None:
    markup = drawn(lived_through())
    assert re.findall(r"[a-z]+://[^\"]*", markup) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|href|@import|@font-face|\son\w+=", markup)


def test_who_does_not_see_it_is_told_what_it_is() -> None:
    root = tree(lived_through())
    assert root.get("role") == "img"
    assert root.get("aria-label") == titles(root)[0] == texts(root)[0]


def test_the_same_story_gives_the_same_bytes() -> None:
    assert drawn(lived_through()) == drawn(lived_through())


@pytest.mark.parametrize(("told", "most"), [(lived_through(), 100_000), (story(hourly()), 1_500_000)])
def test_files_stay_small(told: Story, most: int) -> None:
    assert len(drawn(told).encode()) < most


def test_of_many_snapshots_those_that_lived_long_have_rows_and_the_others_share_some() -> None:
    long_lived = [life(f"long-{number}", BEGUN + number * DAY, 3 * DAY) for number in range(80)]
    own = hourly()
    several = ServerStory(own.policy, tuple(sorted([*own.lives, *long_lived], key=lambda each: each.born)), own.slots)
    root = tree(story(several))
    tops = [top for _, top, _ in bars(root)]
    assert len(tops) == 2160 + 80
    assert 84 <= len({*tops}) <= 84 + 5
    assert "brief: 2,156" in texts(root)
    assert "up to 4h" in texts(root)
    assert float(root.get("height", "")) <= 823


def test_bars_that_share_a_row_do_not_overlap() -> None:
    rows: dict[float, list[tuple[float, float]]] = {}
    for left, top, width in bars(tree(story(hourly(kept=8)))):
        rows.setdefault(top, []).append((left, left + width))
    assert len(rows) == 16
    for each in rows.values():
        each.sort()
        assert all(end <= begun + 0.2 for (_, end), (begun, _) in pairwise(each))


def test_so_many_as_have_rows_have_them_all() -> None:
    lives = [life(f"n{number}", BEGUN + number * HOUR, HOUR) for number in range(MOST_ROWS)]
    found = bars(tree(story(ServerStory(policy(), tuple(lives), ()), days=10)))
    assert len({top for _, top, _ in found}) == MOST_ROWS


def test_a_picture_of_nothing_says_so() -> None:
    said = texts(tree(story(ServerStory(policy(), (), ()), days=1)))
    assert "no snapshot was asked for in this time" in said
    assert "0 slots: 0 missed. 0 restore points at the end." in said


@pytest.mark.parametrize("days", [0, 1, 7, 31, 90, 400, 3650])
def test_every_length_of_time_has_labels_that_do_not_touch(days: int) -> None:
    axis = Axis(BEGUN, BEGUN + days * DAY, timezone_of("Europe/Berlin"))
    ruler = ruler_of(axis)
    places = [axis.x(at) for at in ruler.lines]
    assert all(right - left >= 20 for left, right in pairwise(places))
    assert len(places) >= 4 or days == 0
    assert len(places) <= 45


def test_lines_stand_at_midnight_of_the_policys_zone_on_both_sides_of_a_change() -> None:
    axis = Axis(
        datetime.fromisoformat("2026-10-20T00:00Z"),
        datetime.fromisoformat("2026-10-30T00:00Z"),
        timezone_of("Europe/Berlin"),
    )
    lines = [f"{at:%d %H:%M}" for at in ruler_of(axis).lines if at.hour in (22, 23)]
    assert lines[:3] == ["20 22:00", "21 22:00", "22 22:00"]
    assert lines[-2:] == ["28 23:00", "29 23:00"]


def test_spells_count_and_date_restore_points_only() -> None:
    lives = [
        life("a", BEGUN, DAY),
        life("b", BEGUN + 12 * HOUR),
        life("theirs", BEGUN, owned=False),
        life("failed", BEGUN, status="failed"),
    ]
    found = list(spells(lives, BEGUN, BEGUN + 2 * DAY))
    assert [len(each.births) for each in found] == [0, 1, 2, 1]
    assert found[2].births == (BEGUN, BEGUN + 12 * HOUR)
    assert [each.ended - each.begun for each in found] == [
        5 * MINUTE,
        12 * HOUR,
        12 * HOUR - 5 * MINUTE,
        DAY,
    ]


def test_each_of_several_servers_has_a_panel_that_no_page_break_cuts() -> None:
    own = server(30)
    several = [renamed(own, f"web-{number}") for number in range(4)]
    root = tree(story(*several, days=30))
    page = WIDTH * 190 / 277
    groups = [each for each in root if each.get("transform")]
    tops = [float(re.findall(r"[\d.]+", each.get("transform", ""))[1]) for each in groups]
    height = float(root.get("height", ""))
    assert len(tops) == 5
    assert [each for each in texts(root) if each.startswith("web-") and " " not in each] == [
        f"web-{n}" for n in range(4)
    ]
    for top, end in zip(tops, [*tops[1:], height], strict=True):
        assert int((top + 0.1) // page) == int((end - 0.1) // page)


def test_states_are_known_by_the_words_of_the_api() -> None:
    assert state_of(life("x", NOW, status="error")) is State.FAILED
    assert state_of(life("x", NOW, timedelta(hours=1))) is State.COMPLETED
