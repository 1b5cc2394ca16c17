"""How benchmarks judge a figure, and what the report of a run says of figures, misses and troubles."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.__main__ import HERE, MOST_SECONDS, SECONDS
from benchmarks.machine import Used, facts, others
from benchmarks.report import Section, document
from benchmarks.result import Result, number

SLOW = Result("wall", 13.0, "s", 10.0, 1.2)
FAST = Result("wall", 12.0, "s", 10.0, 1.2)
TIMES = Result("times faster", 500.0, "s", 10.0, 50, at_least=True)


def report(*sections: Section) -> str:
    return document([("cores", "2")], datetime(2026, 11, 23, 12, tzinfo=UTC), 7.3, 0.02, sections)


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (FAST, True),
        (SLOW, False),
        (TIMES, True),
        (Result("times faster", 499.0, "s", 10.0, 50, at_least=True), False),
        (Result("calls", 0, "", 0), True),
        (Result("calls", 1, "", 0), False),
        (Result("only told", 1e9, "s"), True),
    ],
)
def test_a_limit_is_what_the_ratio_of_figure_and_bound_may_be(result: Result, kept: bool) -> None:
    assert result.kept is kept


def test_a_line_tells_figure_bound_ratio_and_verdict() -> None:
    assert SLOW.line() == "wall: 13 s; bound 10 s; ratio 1.30, ≤ 1.2 allowed: MISSED"
    assert Result("requests", 8, note="all").line() == "requests (all): 8"


@pytest.mark.parametrize(
    ("value", "text"),
    [(5431.2, "5,431"), (163.4, "163"), (12.34, "12.3"), (1.234, "1.23"), (0.0123, "0.012"), (7, "7")],
)
def test_a_number_has_three_digits_or_all_before_the_point(value: float, text: str) -> None:
    assert number(value) == text


def test_the_report_has_the_machine_every_figure_and_how_to_repeat_it() -> None:
    text = report(Section("fleet", "A fleet.", (FAST,)), Section("idle", "A daemon.", (TIMES,)))
    assert "| cores | 2 |\n| when | 2026-11-23 12:00 UTC, 7.3 minutes |\n| other programs | 2.0% of the CPU" in text
    assert "Limits: 2. Missed: none." in text
    assert "## fleet\n\nA fleet.\n\n| what | figure |" in text
    assert "| wall | 12 s | 10 s | 1.20 | ≤ 1.2 | kept |" in text
    assert "`python -m benchmarks.idle`" in text


def test_the_report_begins_with_what_was_missed() -> None:
    text = report(Section("fleet", "A fleet.", (SLOW, FAST)), Section("idle", "A daemon.", (), "it took longer"))
    assert "Limits: 2. Missed: 2.\n\n- fleet: wall\n- idle: it took longer\n" in text
    assert "| wall | 13 s | 10 s | 1.30 | ≤ 1.2 | **MISSED** |" in text


def test_every_benchmark_has_a_module_that_says_what_it_is() -> None:
    for name in SECONDS:
        assert (HERE / f"{name}.py").read_text().startswith('"""'), name


def test_all_end_within_ten_minutes() -> None:
    assert MOST_SECONDS <= 600


def test_others_are_what_was_busy_besides_our_own() -> None:
    assert others(Used(all=100, busy=10, own=5), Used(all=200, busy=40, own=25)) == pytest.approx(0.1)
    assert others(Used(all=100, busy=10, own=5), Used(all=200, busy=20, own=25)) == 0


def test_the_machine_is_told_with_the_versions_of_what_is_measured() -> None:
    told = dict(facts())
    assert int(told["cores"]) >= 1
    assert "requests " in told["packages"]
    assert "waitress " in told["packages"]
    assert "apprise " not in told["packages"]
