"""What a person reads: short, in the policy's time zone, and nothing in it can harm a terminal."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.cli.picture import LEGEND, picture
from rotator.cli.words import WIDTH, bullet, local, painted, write
from rotator.naming import printable
from rotator.planner.words import counted
from rotator.standing.words import age
from tests.builders import day as on
from tests.builders import foreign, observation, policy, snapshot, taken

DAILY = policy()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (timedelta(0), "0m"),
        (timedelta(seconds=59), "0m"),
        (timedelta(minutes=-5), "0m"),
        (timedelta(minutes=1), "1m"),
        (timedelta(minutes=119, seconds=59), "119m"),
        (timedelta(minutes=120), "2h"),
        (timedelta(hours=47, minutes=59), "47h"),
        (timedelta(hours=48), "2d"),
        (timedelta(days=800), "800d"),
    ],
)
def test_age(span: timedelta, shown: str) -> None:
    assert age(span) == shown


class TestPrintable:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("web-server-01", "web-server-01"),
            ("kühl schränke", "kühl schränke"),
            ("日本", "日本"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("one\ntwo\r\tthree", "one\\ntwo\\r\\tthree"),
            ("\x7f\x9b", "\\x7f\\x9b"),
            ("\u202egpj.exe", "\\u202egpj.exe"),
            ("", ""),
        ],
    )
    def test_writes_out_what_is_no_letter(self, text: str, shown: str) -> None:
        assert printable(text) == shown

    @given(st.text())
    def test_nothing_it_returns_can_move_a_cursor(self, text: str) -> None:
        assert printable(text).isprintable()

    @given(st.text(st.characters(categories=["L", "N", "P"])))
    def test_ordinary_text_stays(self, text: str) -> None:
        assert printable(text) == text


class TestBullet:
    def test_wraps_below_its_mark(self) -> None:
        shown = bullet("+", "word " * 30)
        first, *rest = shown.splitlines()
        assert first.startswith("  + word")
        assert rest
        assert all(line.startswith("    word") for line in rest)

    def test_names_are_not_broken_at_their_hyphens(self) -> None:
        name = "rotator-20261123T020000Z"
        assert name in bullet("-", f"{'x' * 60} {name}")

    @given(st.text(max_size=300))
    def test_no_text_begins_a_line_of_its_own(self, text: str) -> None:
        lines = bullet("!", text).splitlines()
        assert all(line.startswith("    ") for line in lines[1:])
        assert all(len(line) <= WIDTH for line in lines)


class TestPicture:
    def test_one_letter_per_place_of_the_cap_oldest_first(self) -> None:
        seen = observation(
            taken(on(23), "in_progress"),
            taken(on(20)),
            taken(on(21), "failed"),
            taken(on(22), "archived"),
            *foreign("by-hand"),
        )
        assert picture(DAILY, seen) == "FRX?P"

    @pytest.mark.parametrize(("count", "shown"), [(0, "....."), (2, "RR..."), (5, "RRRRR")])
    def test_free_places_come_last(self, count: int, shown: str) -> None:
        assert picture(DAILY, observation(*(taken(on(number)) for number in range(10, 10 + count)))) == shown

    def test_undated_come_after_the_dated(self) -> None:
        seen = observation(snapshot("by-hand", created_at=None), taken(on(20)))
        assert picture(DAILY, seen) == "RF..."

    def test_more_than_the_cap_are_all_shown(self) -> None:
        assert picture(DAILY, observation(*(taken(on(number)) for number in range(10, 17)))) == "R" * 7

    def test_unknown_places(self) -> None:
        assert picture(DAILY, None) == "-----"

    def test_legend_explains_every_letter(self) -> None:
        assert {word for word in LEGEND.split() if len(word) == 1} == set("RPX?F.")
        assert len(LEGEND) <= WIDTH


class TestLocal:
    def test_is_in_the_zone_of_the_policy(self) -> None:
        paris = policy(timezone="Europe/Paris")
        assert local(datetime(2026, 7, 1, 23, 30, tzinfo=UTC), paris) == "2026-07-02 01:30"
        assert local(datetime(2026, 7, 1, 23, 30, tzinfo=UTC), paris, "%m-%d") == "07-02"

    def test_nothing_is_a_dash(self) -> None:
        assert local(None, DAILY) == "-"


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 servers"), (1, "1 server"), (2, "2 servers"), (10_000, "10,000 servers")]
)
def test_counted(number: int, shown: str) -> None:
    assert counted(number, "server") == shown


class TestPainted:
    @pytest.fixture(autouse=True)
    def _terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")

    def test_on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", Terminal())
        assert painted("no", "red") == "\x1b[31mno\x1b[0m"

    def test_not_elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        assert painted("no", "red") == "no"

    @pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_not_where_it_is_not_wanted(self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
        monkeypatch.setenv(variable, value)
        monkeypatch.setattr(sys, "stdout", Terminal())
        assert painted("no", "red") == "no"

    def test_empty_no_color_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As https://no-color.org has it: present and not an empty string."""
        monkeypatch.setenv("NO_COLOR", "")
        monkeypatch.setattr(sys, "stdout", Terminal())
        assert painted("ok", "green") == "\x1b[32mok\x1b[0m"


def test_write_ends_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    write(["one", "two"])
    assert capsys.readouterr().out == "one\ntwo\n"
