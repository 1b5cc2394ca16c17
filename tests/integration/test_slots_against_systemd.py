"""Ten years of slots are those of systemd's calendar events, but for the times that the clock skips.

systemd.time(7) and live systemd agree with rotator wherever the clock runs on: a time that comes twice elapses once,
at its first coming. They differ by this rule: systemd leaves a time out that is skipped, rotator takes it right after
the gap. Schedules of every hour are not compared with zones that change: systemd leaves out an hour that comes twice,
rotator follows elapsed time there.
"""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from rotator.slots import parse_schedule, slots_between
from tests.components import needs_component
from tests.cron_rules import Job, stretches

pytestmark = pytest.mark.component

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)

# Two lists are not asked for: in Dublin, where winter is the exception, systemd 252 passes over the rest of a day after
# a skipped time of a list, and for 00/6:40 on certain days in Havana it ends with "Resource deadlock avoided".
# cron, the same for systemd, zone, and how many of its times are skipped: several of one gap are one.
PAIRS = [
    ("30 2 * 3,10 *", "*-03,10-* 02:30", "Europe/Paris", 10),
    ("15,45 1-3 * 3,11 sun", "Sun *-03,11-* 01..03:15,45", "America/New_York", 10),
    ("0,15,45 1,2 * apr,oct sun", "Sun *-04,10-* 01..02:00,15,45", "Australia/Lord_Howe", 10),
    ("30 1,2,3 * * 7", "Sun *-*-* 01..03:30", "Africa/Casablanca", 11),
    ("0,30 0 * MAR,nov *", "*-03,11-* 00:00,30", "America/Havana", 10),
    ("20 1 * 3,10 *", "*-03,10-* 01:20", "Europe/Dublin", 10),
    ("50 0-3 * 3,10 sun", "Sun *-03,10-* 00..03:50", "Antarctica/Troll", 10),
    ("0 6 29 2 *", "*-02-29 06:00", "Asia/Kathmandu", 0),
    ("5 4 31 * *", "*-*-31 04:05", "Europe/Paris", 0),
    ("5 4 L * *", "*-*~01 04:05", "Australia/Lord_Howe", 0),
    ("40 */6 29,30 * *", "*-*-29,30 00/6:40", "Asia/Kathmandu", 0),
    ("*/20 */12 1 jan *", "*-01-01 00/12:00/20", "UTC", 0),
]


def elapses(event: str, zone: str, most: int) -> list[datetime]:
    """When that calendar event elapses in those ten years, or so many times of it, by the systemd of this machine."""
    program = needs_component("systemd-analyze")
    arguments = ["calendar", f"--iterations={most}"]
    base = f"--base-time={START:%Y-%m-%d %H:%M:%S} UTC"
    done = subprocess.run(
        [program, *arguments, base, f"{event} {zone}"],
        env={"TZ": "UTC", "LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = re.findall(r"(?:Next elapse|Iter\. #\d+): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", done.stdout)
    instants = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in found]
    return [each for each in instants if each <= END]


@pytest.mark.parametrize(("cron", "event", "zone", "skipped"), PAIRS)
def test_ten_years_are_systemds_and_skipped_times_after_the_gap(cron: str, event: str, zone: str, skipped: int) -> None:
    slots, job = list(slots_between(parse_schedule(cron, zone), START, END)), Job(cron)
    theirs = elapses(event, zone, len(slots) + 1)
    assert len(theirs) >= 2
    after_gaps = {
        after.start for before, after in pairwise(stretches(zone, START, END)) if job.is_skipped(before, after)
    }
    assert slots == sorted({*theirs} | after_gaps)
    assert len(after_gaps) == skipped
