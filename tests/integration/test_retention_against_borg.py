"""Retention says of every restore point what live borg 1.2 says of an archive of that time: kept and why, or not."""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rotator.model import Keep
from rotator.retention import Point, kept
from tests.components import needs_component

pytestmark = pytest.mark.component

# Each a zone, the newest point (UTC), the steps back in minutes that a history draws from, and its length.
HISTORIES = {
    "six-hourly": ("UTC", "2026-11-23T18:00", (360,), 12),
    "nightly with holes": ("Europe/Paris", "2026-11-23T02:00", (1440, 1440, 2880, 4320), 12),
    "hourly over the autumn change": ("Europe/Paris", "2026-10-25T05:00", (60, 60, 30), 12),
    "hourly over the spring change": ("America/New_York", "2026-03-08T12:00", (60,), 12),
    "around a year that ends in a week": ("America/New_York", "2027-01-05T04:30", (720, 1440, 10080), 10),
    "half an hour of difference": ("Australia/Lord_Howe", "2026-04-05T03:00", (15, 30, 720), 10),
    "several of one second": ("America/Havana", "2026-11-01T08:00", (0, 0, 60, 600), 10),
    "years": ("Asia/Tokyo", "2026-11-23T15:30", (44_000, 200_000, 500_000), 10),
}
POLICIES_EACH = 8

NAMED = [Keep(last=4), Keep(last=2, daily=1, weekly=1), Keep(hourly=3, monthly=2)]

LINE = re.compile(
    r"(?:Keeping archive \(rule: (?P<rule>\w+)(?P<oldest>\[oldest\])? #(?P<number>\d+)\)|Would prune):\s+(?P<name>a\d+)"
)

Verdict = tuple[datetime, str | None]
"""A slot, and the rule and number that keep it or None; without names, for of one second any may stay."""


@dataclass(frozen=True)
class Borg:
    """A repository with an archive per slot."""

    run: Callable[..., str]
    zone: str
    slots: tuple[datetime, ...]

    def verdicts(self, keep: Keep, zone: str) -> Counter[Verdict]:
        options = [word for rule, count in keep.counts().items() for word in (f"--keep-{rule}", str(count))]
        found = list(LINE.finditer(self.run("prune", "--dry-run", "--list", *options, TZ=zone)))
        assert len(found) == len(self.slots)
        return Counter((self.slots[int(line["name"][1:])], _borg_reason(line)) for line in found)


def _borg_reason(line: re.Match[str]) -> str | None:
    if not line["rule"]:
        return None
    rule = {"secondly": "last"}.get(line["rule"], line["rule"])
    return f"{rule} #{line['number']}" + (" oldest" if line["oldest"] else "")


def verdicts(slots: tuple[datetime, ...], keep: Keep, zone: str) -> Counter[Verdict]:
    """The same from `kept`."""
    points = [Point(slot, number) for number, slot in enumerate(slots)]
    stays = {
        point: f"{reason.rule} #{reason.number}" + (" oldest" if reason.oldest else "")
        for point, reason in kept(points, keep, zone).items()
    }
    return Counter((point.slot, stays.get(point)) for point in points)


def history(name: str) -> tuple[datetime, ...]:
    _, newest, steps, length = HISTORIES[name]
    draw = random.Random(name)
    slots = [datetime.fromisoformat(newest).replace(tzinfo=UTC)]
    while len(slots) < length:
        slots.append(slots[-1] - timedelta(minutes=draw.choice(steps)))
    return tuple(draw.sample(slots, length))


def policies(name: str) -> list[Keep]:
    draw = random.Random(f"policies for {name}")
    drawn = (Keep(*(draw.choice((0, 0, 1, 1, 2, 3)) for _ in range(6))) for _ in range(100))
    return [*NAMED, *(keep for keep in drawn if keep.total)][:POLICIES_EACH]


@pytest.fixture(scope="module", params=HISTORIES)
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Borg]:
    program, home = needs_component("borg"), tmp_path_factory.mktemp("borg")
    name = str(request.param)
    zone = HISTORIES[name][0]
    run = _runner(program, home, zone)
    run("init", "-e", "none")
    slots = history(name)
    (home / "data").write_text("data")
    for number, slot in enumerate(slots):
        run("create", "--timestamp", f"{slot:%Y-%m-%dT%H:%M:%S}", f"::a{number}", "data")
    return name, Borg(run, zone, slots)


def _runner(program: str, home: Path, zone: str) -> Callable[..., str]:
    own = {
        "HOME": str(home),
        "BORG_BASE_DIR": str(home),
        "BORG_REPO": str(home / "repo"),
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "TZ": zone,
    }

    def run(*arguments: str, **environ: str) -> str:
        done = subprocess.run(
            [program, *arguments], cwd=home, env=os.environ | own | environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


def test_every_restore_point_has_borgs_verdict(repository: tuple[str, Borg]) -> None:
    name, borg = repository
    for keep in policies(name):
        # borg counts `last` by the local second, so that two points of the repeated hour are one: ours counts both.
        zone = "UTC" if keep.last else borg.zone
        assert verdicts(borg.slots, keep, zone) == borg.verdicts(keep, zone), keep


def test_the_histories_cover_what_is_hard() -> None:
    assert sum(len(policies(name)) for name in HISTORIES) >= 50
    assert any(len(set(history(name))) < len(history(name)) for name in HISTORIES)
    reasons = [
        reason
        for name in HISTORIES
        for keep in policies(name)
        for _, reason in verdicts(history(name), keep, HISTORIES[name][0])
    ]
    assert None in reasons
    assert {reason.split()[0] for reason in reasons if reason} == set(Keep().counts())
    assert any(reason and reason.endswith("oldest") for reason in reasons)
    fold = [slot for slot in history("hourly over the autumn change") if slot.astimezone(ZoneInfo("Europe/Paris")).fold]
    assert fold
