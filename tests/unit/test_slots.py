"""Schedules as tables to check by reading: what is written → the cron expression, the local times, the refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from time import process_time
from zoneinfo import ZoneInfo

import pytest

from rotator.errors import Exit, ScheduleError
from rotator.model import Schedule
from rotator.slots import latest_slot, next_slot, parse_schedule, slots_between, splay_of, timezone_of
from tests.machine import machine_in

PARIS, NEW_YORK, LORD_HOWE, HAVANA = "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Havana"


def local_slots(text: str, zone: str, after: str, until: str) -> list[str]:
    """The slots between two instants, as day of the month, local time and offset."""
    schedule = parse_schedule(text, zone)
    slots = slots_between(schedule, datetime.fromisoformat(after), datetime.fromisoformat(until))
    return [f"{slot.astimezone(ZoneInfo(zone)):%d %H:%M%z}" for slot in slots]


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 1"),
        ("monthly", "0 0 1 * *"),
        ("every hour", "0 * * * *"),
        ("every hour at :30", "30 * * * *"),
        ("every day", "0 0 * * *"),
        ("every day at 03:00", "0 3 * * *"),
        ("every day at 3:05", "5 3 * * *"),
        ("every day at 23:59", "59 23 * * *"),
        ("every monday", "0 0 * * 1"),
        ("every tuesday at 00:01", "1 0 * * 2"),
        ("every wednesday", "0 0 * * 3"),
        ("every thursday", "0 0 * * 4"),
        ("every friday", "0 0 * * 5"),
        ("every saturday", "0 0 * * 6"),
        ("every sunday at 04:30", "30 4 * * 0"),
        ("every weekday at 09:00", "0 9 * * 1-5"),
        ("every minute", "* * * * *"),
        ("every 1 minutes", "* * * * *"),
        ("every 15 minutes", "*/15 * * * *"),
        ("every 60 minutes", "0 * * * *"),
        ("every 1 hour", "0 * * * *"),
        ("every 2 hours", "0 0,2,4,6,8,10,12,14,16,18,20,22 * * *"),
        ("every 6 hours", "0 0,6,12,18 * * *"),
        ("every 24 hours", "0 0 * * *"),
        ("  Every   DAY at\t03:00 ", "0 3 * * *"),
        ("0 3 * * *", "0 3 * * *"),
        (" 0  3 * * mon-fri ", "0 3 * * mon-fri"),
        ("*/15 2 * * *", "*/15 2 * * *"),
        ("0 0 L * *", "0 0 L * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 3 1 1 1", "0 3 1 1 1"),
    ],
)
def test_every_form_becomes_one_cron_expression(text: str, cron: str) -> None:
    assert parse_schedule(text, "UTC").cron == cron


def test_a_schedule_keeps_what_was_written_and_its_zone() -> None:
    assert parse_schedule(" Every day  at 03:00", PARIS) == Schedule("Every day at 03:00", "0 3 * * *", PARIS)


REFUSED = [
    ("", "schedule '': it is empty; use 'hourly' or 'every day at 03:00' or '0 3 * * *'"),
    ("fortnightly", "it is no form of a schedule; use 'hourly' or 'every day at 03:00' or '0 3 * * *'"),
    ("hourl", "it is no form of a schedule; use 'hourly'"),
    ("@hourly", "use 'hourly'"),
    ("@daily", "schedule '@daily': it is no form of a schedule; use 'daily'"),
    ("@midnight", "use 'daily'"),
    ("@weekly", "use 'weekly' or '0 0 * * 0'"),
    ("@monthly", "use 'monthly'"),
    ("@yearly", "use '0 0 1 1 *'"),
    ("@annually", "use '0 0 1 1 *'"),
    ("yearly", "use '0 0 1 1 *'"),
    ("every year", "use '0 0 1 1 *'"),
    ("nightly", "use 'daily'"),
    ("every night", "use 'daily'"),
    ("every month", "use 'monthly'"),
    ("every weekend", "use '0 0 * * 6,0'"),
    ("twice daily", "use 'every 12 hours'"),
    ("twice a day", "use 'every 12 hours'"),
    ("@reboot", "use 'hourly' or 'every day at 03:00' or '0 3 * * *'"),
    ("every week", "use 'weekly'"),
    (
        "every 7 minutes",
        "schedule 'every 7 minutes': 7 does not divide 60; use 'every 6 minutes' or 'every 10 minutes'",
    ),
    ("every 0 minutes", "0 does not divide 60; use 'every minute'"),
    ("every 45 minutes", "45 does not divide 60; use 'every 30 minutes' or 'every hour'"),
    ("every 90 minutes", "90 does not divide 60; use 'every hour' or 'every 2 hours'"),
    ("every 5 hours", "5 does not divide 24; use 'every 4 hours' or 'every 6 hours'"),
    ("every 48 hours", "48 does not divide 24; use 'every day'"),
    ("1d", "it is no form of a schedule; use 'every day'"),
    ("2 weeks", "it is no form of a schedule; use 'every day' or 'weekly'"),
    ("every 2 days", "it is no form of a schedule; use 'every day' or 'weekly'"),
    ("every 30 seconds", "use 'every minute'"),
    ("24h", "it is no form of a schedule; use 'every day'"),
    ("every minuts", "it is no form of a schedule; use 'every minute'"),
    ("90m", "use 'every hour' or 'every 2 hours'"),
    ("6h", "use 'every 6 hours'"),
    ("every hour at 03:30", "every hour has no one hour; use 'every hour at :30' or 'every day at 03:30'"),
    ("every 6 hours at 03:30", "use '30 3,9,15,21 * * *'"),
    ("every 6 hours at :30", "use '30 0,6,12,18 * * *'"),
    ("every 1 hours at 03:30", f"use '30 {','.join(map(str, range(24)))} * * *'"),
    ("every 0 hours at 03:30", "use 'every day at 03:30'"),
    ("every 5 hours at 03:30", "use 'every day at 03:30'"),
    ("every 24 hours at 03:30", "use 'every day at 03:30'"),
    ("every day at 24:00", "24:00 is no time of day (00:00 to 23:59); use 'every day at 00:00'"),
    ("every day at 03:75", "03:75 is no time of day (00:00 to 23:59); use 'every day at 03:59'"),
    ("every day at 03:60", "03:60 is no time of day (00:00 to 23:59); use 'every day at 03:59'"),
    ("daily at 24:00", "use 'every day at 00:00'"),
    ("every day at 3pm", "use 'every day at 15:00'"),
    ("every day 12:30 am", "use 'every day at 00:30'"),
    ("every day 03:00", "use 'every day at 03:00'"),
    ("13:30", "use 'every day at 13:30'"),
    ("daily at 03:00", "use 'every day at 03:00'"),
    ("every mondey", "use 'every monday'"),
    ("mondays at 4am", "use 'every monday at 04:00'"),
    ("every tursday", "use 'every thursday'"),
    ("every mon and thu", "use '0 0 * * 1,4'"),
    ("every mon and thu at 04:30", "use '30 4 * * 1,4'"),
    ("mon, thu at 04:30", "use '30 4 * * 1,4'"),
    ("each night", "use 'every day'"),
    ("run nightly", "use 'every day'"),
    ("monday night at 03:00", "use 'every monday at 03:00'"),
    ("every * day", "use 'every day'"),
    ("5 4 1", "it is no form of a schedule; use 'hourly' or 'every day at 03:00' or '0 3 * * *'"),
    ("0 3 1 1", "a cron expression has 5 fields, not 4; use '0 3 * * *'"),
    ("0 3 * *", "a cron expression has 5 fields, not 4; use '0 3 * * *'"),
    ("0 0 3 * * *", "schedule '0 0 3 * * *': a cron expression has 5 fields, not 6; use '0 3 * * *'"),
    ("0 3 * * * root", "a cron expression has 5 fields, not 6; use '0 3 * * *'"),
    ("0 15 4 * * *", "a cron expression has 5 fields, not 6; use '15 4 * * *'"),
    ("15 4 * * * root", "a cron expression has 5 fields, not 6; use '15 4 * * *'"),
    ("0 mon 1 1 1", "'mon' is no hour (0-23); use '0 0 1 1 1'"),
    ("60 * * * *", "'60' is no minute (0-59); use '0 * * * *'"),
    ("*/0 3 * * *", "'*/0' is no minute (0-59); use '0 3 * * *'"),
    ("0 24 * * *", "'24' is no hour (0-23); use '0 0 * * *'"),
    ("0 0 32 * *", "'32' is no day-of-month (1-31, or L for the last); use '0 0 * * *'"),
    ("0 0 1 foo *", "'foo' is no month (1-12 or JAN-DEC); use '0 0 1 * *'"),
    ("0 0 * * 8", "'8' is no day-of-week (0-7 or SUN-SAT, 0 and 7 are Sunday); use '0 0 * * *'"),
    ("0 24 * foo *", "'24' is no hour (0-23); use '0 3 * * *'"),
    ("0 0 31 2 *", "schedule '0 0 31 2 *': that day never comes; use '0 0 L 2 *'"),
    ("30 2 30,31 2 *", "that day never comes; use '30 2 L 2 *'"),
    ("9" * 72 + " * * * *", f"schedule '{'9' * 72} * * * *': '{'9' * 72}' is no minute (0-59); use '0 * * * *'"),
    ("9" * 73 + " * * * *", f"schedule '{'9' * 73} * * * …': '{'9' * 73}' is no minute (0-59); use '0 * * * *'"),
    ("9" * 5000 + " * * * *", f"schedule '{'9' * 80}…': '{'9' * 80}…' is no minute (0-59); use '0 * * * *'"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_a_refusal_says_what_is_wrong_and_what_works(text: str, message: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_schedule(text, "UTC")
    assert str(refused.value).endswith(message)
    assert refused.value.exit_code is Exit.CONFIG


@pytest.mark.parametrize("text", [text for text, _ in REFUSED], ids=[text[:40] for text, _ in REFUSED])
def test_every_remedy_is_a_schedule(text: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_schedule(text, "UTC")
    for remedy in str(refused.value).rpartition("; use ")[2].split(" or "):
        assert parse_schedule(remedy.strip("'"), "UTC")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("posix/Europe/Paris", "'Europe/Paris'"),
        ("right/Europe/Paris", "'Europe/Paris'"),
        ("Europe/Pa\0ris", "'Europe/Paris'"),
        ("europe/paris", "'Europe/Paris'"),
        ("Paris", "'Europe/Paris'"),
        ("new york", "'America/New_York'"),
        ("Europe/Pariss", "'Europe/Paris'"),
    ],
)
def test_a_zone_that_is_none_is_refused_with_the_nearest(name: str, remedy: str) -> None:
    with pytest.raises(ScheduleError, match=r"time zone .* is not in the zone database; use ") as refused:
        parse_schedule("daily", name)
    assert str(refused.value).rpartition("; use ")[2].split(" or ")[0] == remedy


ANY_ZONE = "write Region/City, such as 'Europe/Paris', or 'UTC'"


@pytest.mark.parametrize(
    ("name", "shown", "remedy"),
    [
        ("Louisville", "Louisville", "use 'America/Kentucky/Louisville' or 'America/Louisville'"),
        ("America/Jamaika", "America/Jamaika", "use 'America/Jamaica'"),
        ("Europe/Atlantis", "Europe/Atlantis", ANY_ZONE),
        ("x" * 64, "x" * 64, ANY_ZONE),
        ("x" * 65, "x" * 64 + "…", ANY_ZONE),
    ],
    ids=["a city of two", "a slip", "like none", "longest", "too long"],
)
def test_the_refusal_of_a_zone_shows_it_and_the_remedy(name: str, shown: str, remedy: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        timezone_of(name)
    assert str(refused.value) == f"time zone '{shown}' is not in the zone database; {remedy}"


@pytest.mark.parametrize(
    "name", ["", "..", "/etc/localtime", "localtime", "\ud800", "x" * 5000, "+02:00", "CEST", "PST", "Z"]
)
def test_a_zone_that_resembles_none_is_not_guessed(name: str) -> None:
    """Half of the abbreviations resemble a zone on another continent."""
    with pytest.raises(ScheduleError) as refused:
        parse_schedule("daily", name)
    assert str(refused.value).endswith(f"; {ANY_ZONE}")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("weekly on monday", "every monday"),
        ("weekly on friday at 3pm", "every friday at 15:00"),
        ("weekly at 4am", "every monday at 04:00"),
        ("every month at 03:00", "0 3 1 * *"),
        ("once a week at 04:00", "every monday at 04:00"),
        ("backup monthly", "0 0 1 * *"),
        ("at 02:00 and 14:00", "0 2,14 * * *"),
        ("daily at 02:00 and 14:00", "0 2,14 * * *"),
        ("every monday and thursday at 02:00 and 14:00", "0 2,14 * * 1,4"),
        ("every monday at 01:00 and 13:00", "0 1,13 * * 1"),
        ("every day at 03:00, 15:30", "hourly"),
    ],
)
def test_what_people_write_is_refused_with_what_they_mean(text: str, remedy: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_schedule(text, "UTC")
    assert str(refused.value).rpartition("; use ")[2].split(" or ")[0] == f"'{remedy}'"


@pytest.mark.parametrize("name", ["Europe", "leapseconds", "Factory", "posixrules"])
def test_other_files_of_the_zone_database_are_no_zones(name: str) -> None:
    with pytest.raises(ScheduleError):
        timezone_of(name)


def test_a_zone_is_made_once() -> None:
    assert timezone_of(PARIS) is timezone_of(PARIS)


@pytest.mark.parametrize(
    ("text", "zone", "after", "until", "slots"),
    [
        # Paris springs from 02:00 to 03:00 on 29 March 2026.
        (
            "every day at 02:30",
            PARIS,
            "2026-03-27T12:00Z",
            "2026-03-30T12:00Z",
            ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"],
        ),
        (
            "*/15 2 * * *",
            PARIS,
            "2026-03-28T12:00Z",
            "2026-03-30T00:31Z",
            ["29 03:00+0200", "30 02:00+0200", "30 02:15+0200", "30 02:30+0200"],
        ),
        (
            "hourly",
            PARIS,
            "2026-03-28T23:30Z",
            "2026-03-29T02:00Z",
            ["29 01:00+0100", "29 03:00+0200", "29 04:00+0200"],
        ),
        # Paris falls from 03:00 to 02:00 on 25 October 2026.
        (
            "every day at 02:30",
            PARIS,
            "2026-10-24T12:00Z",
            "2026-10-26T12:00Z",
            ["25 02:30+0200", "26 02:30+0100"],
        ),
        # Asked in the second pass of 02:00 to 03:00: the slot was in the first.
        ("every day at 02:30", PARIS, "2026-10-25T01:15Z", "2026-10-26T12:00Z", ["26 02:30+0100"]),
        ("*/30 2 * * *", PARIS, "2026-10-24T12:00Z", "2026-10-25T12:00Z", ["25 02:00+0200", "25 02:30+0200"]),
        (
            "0 */2 * * *",
            PARIS,
            "2026-10-24T21:00Z",
            "2026-10-25T03:00Z",
            ["25 00:00+0200", "25 02:00+0200", "25 04:00+0100"],
        ),
        (
            "hourly",
            PARIS,
            "2026-10-24T23:30Z",
            "2026-10-25T02:00Z",
            ["25 02:00+0200", "25 02:00+0100", "25 03:00+0100"],
        ),
        # New York springs from 02:00 to 03:00 on 8 March 2026, falls from 02:00 to 01:00 on 1 November.
        (
            "every day at 02:00",
            NEW_YORK,
            "2026-03-07T12:00Z",
            "2026-03-09T12:00Z",
            ["08 03:00-0400", "09 02:00-0400"],
        ),
        (
            "every day at 01:30",
            NEW_YORK,
            "2026-10-31T12:00Z",
            "2026-11-02T12:00Z",
            ["01 01:30-0400", "02 01:30-0500"],
        ),
        (
            "every hour at :30",
            NEW_YORK,
            "2026-11-01T05:00Z",
            "2026-11-01T07:30Z",
            ["01 01:30-0400", "01 01:30-0500", "01 02:30-0500"],
        ),
        # Lord Howe falls from 02:00 to 01:30 on 5 April 2026, springs from 02:00 to 02:30 on 4 October.
        (
            "every day at 02:15",
            LORD_HOWE,
            "2026-10-03T00:00Z",
            "2026-10-05T00:00Z",
            ["04 02:30+1100", "05 02:15+1100"],
        ),
        (
            "every day at 01:45",
            LORD_HOWE,
            "2026-04-04T00:00Z",
            "2026-04-06T00:00Z",
            ["05 01:45+1100", "06 01:45+1030"],
        ),
        (
            "hourly",
            LORD_HOWE,
            "2026-10-03T14:00Z",
            "2026-10-03T17:00Z",
            ["04 01:00+1030", "04 03:00+1100", "04 04:00+1100"],
        ),
        (
            "every hour at :35",
            LORD_HOWE,
            "2026-04-04T14:00Z",
            "2026-04-04T16:30Z",
            ["05 01:35+1100", "05 01:35+1030", "05 02:35+1030"],
        ),
        # Havana springs from 00:00 to 01:00 on 8 March 2026, falls from 01:00 to 00:00 on 1 November.
        ("daily", HAVANA, "2026-03-07T06:00Z", "2026-03-09T06:00Z", ["08 01:00-0400", "09 00:00-0400"]),
        (
            "every 6 hours",
            HAVANA,
            "2026-03-08T00:00Z",
            "2026-03-08T12:00Z",
            ["08 01:00-0400", "08 06:00-0400"],
        ),
        (
            "every 6 hours",
            HAVANA,
            "2026-11-01T00:00Z",
            "2026-11-01T12:00Z",
            ["01 00:00-0400", "01 06:00-0500"],
        ),
        # Cairo and Beirut skip midnight too, and Beirut repeats 23:00; Samoa skipped the whole of 30 December 2011.
        ("daily", "Africa/Cairo", "2026-04-23T00:00Z", "2026-04-25T00:00Z", ["24 01:00+0300", "25 00:00+0300"]),
        ("every sunday", "Asia/Beirut", "2026-03-28T00:00Z", "2026-03-30T00:00Z", ["29 01:00+0300"]),
        ("every saturday at 23:00", "Asia/Beirut", "2026-10-24T00:00Z", "2026-10-26T00:00Z", ["24 23:00+0300"]),
        (
            "daily",
            "Pacific/Apia",
            "2011-12-28T12:00Z",
            "2012-01-01T00:00Z",
            ["29 00:00-1000", "31 00:00+1400", "01 00:00+1400"],
        ),
    ],
)
def test_skipped_local_times_run_right_after_the_gap_repeated_ones_once(
    text: str, zone: str, after: str, until: str, slots: list[str]
) -> None:
    assert local_slots(text, zone, after, until) == slots


@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 23), ("2026-06-01", 24), ("2026-10-25", 25)])
def test_every_hour_is_every_hour_on_the_short_and_the_long_day(day: str, count: int) -> None:
    schedule = parse_schedule("hourly", PARIS)
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(PARIS))
    before = start.astimezone(UTC) - timedelta(minutes=1)
    slots = list(slots_between(schedule, before, (start + timedelta(days=1)).astimezone(UTC) - timedelta(minutes=1)))
    assert len(slots) == count
    assert {later - earlier for earlier, later in pairwise(slots)} == {timedelta(hours=1)}


def test_every_hour_is_on_the_hour_of_the_zone_in_every_season() -> None:
    """Lord Howe's summer is half an hour ahead of its winter."""
    year = local_slots("hourly", LORD_HOWE, "2025-11-23T00:30Z", "2026-11-23T00:30Z")
    assert {slot[3:] for slot in year} == {
        f"{hour:02}:00{offset}" for hour in range(24) for offset in ("+1030", "+1100")
    }


@pytest.mark.parametrize("text", ["0 0-23 * * *", "0 */1 * * *", "0 * * * *"])
def test_an_hour_field_that_means_every_hour_is_one_however_written(text: str) -> None:
    assert len(local_slots(text, PARIS, "2026-10-24T22:00Z", "2026-10-25T23:00Z")) == 25


@pytest.mark.parametrize(
    ("text", "zone", "now", "latest", "following"),
    [
        ("every day at 03:00", PARIS, "2026-11-23T02:00:00", "2026-11-23T02:00", "2026-11-24T02:00"),
        ("every day at 03:00", PARIS, "2026-11-23T02:00:30", "2026-11-23T02:00", "2026-11-24T02:00"),
        ("every day at 03:00", PARIS, "2026-11-23T01:59:59", "2026-11-22T02:00", "2026-11-23T02:00"),
        ("every 15 minutes", "Asia/Kathmandu", "2026-11-23T02:07:00", "2026-11-23T02:00", "2026-11-23T02:15"),
        ("hourly", "Asia/Kathmandu", "2026-11-23T02:07:00", "2026-11-23T01:15", "2026-11-23T02:15"),
        ("weekly", "UTC", "2026-11-22T23:00:00", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("monthly", "UTC", "2026-11-23T02:00:00", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("0 0 1 1 *", "UTC", "2026-11-23T02:00:00", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("0 0 29 2 *", "UTC", "2026-11-23T02:00:00", "2024-02-29T00:00", "2028-02-29T00:00"),
        ("0 * 29 2 *", "UTC", "2026-11-23T02:00:00", "2024-02-29T23:00", "2028-02-29T00:00"),
        ("0 0 * 2 1#5", "UTC", "2026-11-23T02:00:00", "2016-02-29T00:00", "2044-02-29T00:00"),
        ("hourly", "UTC", "2026-11-23T02:00:00", "2026-11-23T02:00", "2026-11-23T03:00"),
        ("every day at 00:00", "UTC", "2026-11-23T00:00:00", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("every day at 00:01", "UTC", "2026-11-23T00:00:30", "2026-11-22T00:01", "2026-11-23T00:01"),
        ("every day at 00:30", "UTC", "2026-11-23T00:10:00", "2026-11-22T00:30", "2026-11-23T00:30"),
        ("every day at 23:59", "UTC", "2026-11-23T23:59:30", "2026-11-23T23:59", "2026-11-24T23:59"),
        ("every day at 23:59", "UTC", "2026-11-24T00:10:00", "2026-11-23T23:59", "2026-11-24T23:59"),
    ],
)
def test_latest_and_next_slot(text: str, zone: str, now: str, latest: str, following: str) -> None:
    schedule, instant = parse_schedule(text, zone), datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert latest_slot(schedule, instant) == datetime.fromisoformat(latest).replace(tzinfo=UTC)
    assert next_slot(schedule, instant) == datetime.fromisoformat(following).replace(tzinfo=UTC)


@pytest.mark.parametrize("cron", ["0 0 */3 2 1#5", "0 * */3 2 1#5"])
def test_days_that_never_come_are_refused_and_have_no_slots(cron: str) -> None:
    with pytest.raises(ScheduleError, match="that day never comes"):
        parse_schedule(cron, PARIS)
    now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    assert latest_slot(Schedule(cron, cron, PARIS), now) is None
    assert next_slot(Schedule(cron, cron, PARIS), now) is None


def test_slots_are_utc_whoever_asks_from_which_zone() -> None:
    asked = datetime(2026, 11, 23, 3, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
    slot = latest_slot(parse_schedule("hourly", PARIS), asked)
    assert slot is not None
    assert slot.isoformat() == "2026-11-22T18:00:00+00:00"


@pytest.mark.parametrize("machine", ["Asia/Tokyo", "America/St_Johns"])
@pytest.mark.parametrize("text", ["every hour at :50", "every day at 03:40"])
def test_slots_do_not_depend_on_the_zone_of_the_machine(text: str, machine: str) -> None:
    asked = datetime(2026, 11, 23, 2, 5, tzinfo=ZoneInfo("Asia/Tokyo"))
    expected = {
        "every hour at :50": ("2026-11-22T16:50:00+00:00", "2026-11-22T17:50:00+00:00"),
        "every day at 03:40": ("2026-11-22T02:40:00+00:00", "2026-11-23T02:40:00+00:00"),
    }[text]
    with machine_in(machine):
        schedule = parse_schedule(text, PARIS)
        latest, following = latest_slot(schedule, asked), next_slot(schedule, asked)
        between = next(slots_between(schedule, asked, asked + timedelta(days=2)))
    assert latest is not None
    assert following is not None
    assert (latest.isoformat(), following.isoformat()) == expected
    assert between.isoformat() == expected[1]


def test_of_a_week_of_minutes_no_slot_is_left_out() -> None:
    after = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    slots = list(slots_between(parse_schedule("every minute", PARIS), after, after + timedelta(days=7)))
    assert slots == [after + timedelta(minutes=minute) for minute in range(1, 7 * 24 * 60 + 1)]


def test_the_splay_of_a_server_is_fixed() -> None:
    assert splay_of(12345, timedelta(minutes=30)) == timedelta(seconds=741)
    assert splay_of("12345", timedelta(minutes=30)) == splay_of(12345, timedelta(minutes=30))


@pytest.mark.parametrize("within", [timedelta(0), timedelta(milliseconds=999), timedelta(seconds=1), timedelta(-1)])
def test_no_room_for_a_splay_is_no_splay(within: timedelta) -> None:
    assert splay_of(12345, within) == timedelta(0)


def test_splays_spread_evenly() -> None:
    quarters = [splay_of(server, timedelta(hours=1)) // timedelta(minutes=15) for server in range(4000)]
    assert all(900 < quarters.count(quarter) < 1100 for quarter in range(4))


def test_ten_thousand_servers_of_a_few_schedules_take_a_fraction_of_a_second_of_work() -> None:
    schedules = [parse_schedule(text, PARIS) for text in ("hourly", "every 6 hours", "every day at 03:00", "0 4 1 * *")]
    now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    started = process_time()
    for server in range(10_000):
        reached = now - splay_of(server, timedelta(hours=1))
        latest_slot(schedules[server % 4], reached)
        next_slot(schedules[server % 4], reached)
    assert process_time() - started < 3
