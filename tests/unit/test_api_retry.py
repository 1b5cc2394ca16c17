"""Whether and when to ask again, as tables: status → passing, header → wait, HTTP date → instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotator.api.retry import LONGEST_WAIT, TRIES, http_date, is_passing, retry_after, wait_before
from tests.conftest import NOW

NOVEMBER_6 = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize("status", [429, 500, 501, 502, 503, 504, 520, 599])
def test_not_now_is_worth_another_try(status: int) -> None:
    assert is_passing(status)


@pytest.mark.parametrize(
    "status", [101, 200, 201, 204, 301, 304, 400, 401, 403, 404, 408, 409, 428, 430, 499, 600, 999]
)
def test_everything_else_is_an_answer(status: int) -> None:
    assert not is_passing(status)


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [
        (2, 0.0, 0.25),
        (2, 0.5, 0.375),
        (3, 0.0, 0.5),
        (3, 0.5, 0.75),
        (4, 0.0, 1.0),
        (4, 0.5, 1.5),
        (8, 0.0, 16.0),
        (9, 0.0, 30.0),
        (40, 0.999, 30.0),
    ],
)
def test_waits_double_and_are_spread_over_their_upper_half(attempt: int, jitter: float, seconds: float) -> None:
    assert wait_before(attempt, {}, NOW, jitter) == timedelta(seconds=seconds)


def test_the_waits_of_one_call_without_an_answer_stay_under_four_seconds() -> None:
    waits = [wait_before(attempt, {}, NOW, 0.999999) for attempt in range(2, TRIES + 1)]
    assert sum(waits, timedelta(0)) < timedelta(seconds=4)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.375),
        ("1", 1),
        (" 7 ", 7),
        ("007", 7),
        ("30", 30),
        ("31", 30),
        ("86400", 30),
        ("9" * 5_000, 30),
        ("Mon, 23 Nov 2026 02:00:12 GMT", 12),
        ("Mon, 23 Nov 2026 03:00:12 +0100", 12),
        ("Mon, 23 Nov 2026 04:00:00 GMT", 30),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 30),
        ("Mon, 23 Nov 2026 01:59:59 GMT", 0.375),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.375),
    ],
)
def test_the_api_says_how_long_to_wait_within_bounds(value: str, seconds: float) -> None:
    assert wait_before(2, {"Retry-After": value}, NOW, 0.5) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "-1",
        "+5",
        "1.5",
        "1e3",
        "0x10",
        "٣",
        "²",
        "soon",
        "2026-11-23T02:00:12Z",
        "Mon, 23 Foo 2026 02:00:12 GMT",
        "Mon, 32 Nov 2026 02:00:12 GMT",
        "Mon, 23 Nov 2026 25:00:12 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2300",
        "Mon, 23 Nov 2026 02:00:12 +99999999999999999999",
        "\x00",
    ],
)
def test_a_retry_after_that_cannot_be_read_counts_as_none(value: str) -> None:
    assert retry_after(value, NOW) is None
    assert wait_before(2, {"Retry-After": value}, NOW, 0.0) == timedelta(milliseconds=250)


def test_no_retry_after_asks_for_nothing() -> None:
    assert retry_after(None, NOW) is None


def test_seconds_are_held_below_a_day_so_that_no_number_overflows() -> None:
    assert retry_after("9" * 400, NOW) == timedelta(days=1)


def test_a_date_in_the_past_leaves_the_usual_wait() -> None:
    assert retry_after("Mon, 23 Nov 2026 01:59:59 GMT", NOW) == timedelta(seconds=-1)
    assert wait_before(4, {"Retry-After": "Mon, 23 Nov 2026 01:59:59 GMT"}, NOW, 0.0) == timedelta(seconds=1)


def test_no_header_makes_the_wait_longer_than_the_bound() -> None:
    assert timedelta(seconds=30) == LONGEST_WAIT


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "06 Nov 1994 08:49:37",
    ],
)
def test_all_forms_of_an_http_date_are_the_same_instant_in_utc(value: str) -> None:
    moment = http_date(value)
    assert moment == NOVEMBER_6
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("value", [None, "", "0", "-1", "never", "Fri, 31 Dec 9999 23:59:59 -2300", "Sun, 06 Nov"])
def test_what_is_no_http_date_is_none(value: str | None) -> None:
    assert http_date(value) is None
