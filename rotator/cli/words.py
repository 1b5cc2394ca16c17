"""How a person reads times, slots and names: short, in the policy's time zone, safe for a terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable
from datetime import datetime

from rotator.cli.streams import give_up_stdout
from rotator.model import CAP, Observation, Policy, Snapshot, State
from rotator.naming import printable
from rotator.planner import as_owned
from rotator.slots import timezone_of

WIDTH = 80

LEGEND = "R restore point  P in progress  X failed  ? unknown status  F not ours  . free"

_LETTERS = {State.COMPLETED: "R", State.IN_PROGRESS: "P", State.FAILED: "X", State.UNKNOWN: "?"}

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


def painted(text: str, colour: str) -> str:
    """The text in a colour if it goes to a terminal and NO_COLOR (set and not empty) does not forbid it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def picture(policy: Policy, observation: Observation | None) -> str:
    """The slots of the cap, oldest first: `RRRF.`; see `LEGEND`."""
    if observation is None:
        return "-" * CAP
    oldest_first = sorted(observation.snapshots, key=lambda each: (each.created_at is None, str(each.created_at)))
    return "".join(_letter(policy, each) for each in oldest_first).ljust(CAP, ".")


def _letter(policy: Policy, snapshot: Snapshot) -> str:
    if snapshot.state is State.COMPLETED and not as_owned(policy, snapshot):
        return "F"
    return _LETTERS[snapshot.state]


def local(moment: datetime | None, policy: Policy, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment in the policy's time zone; `-` for none."""
    return moment.astimezone(timezone_of(policy.schedule.timezone)).strftime(form) if moment else "-"


def counted(number: int, noun: str) -> str:
    """`1 server`, `5 servers`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def bullet(mark: str, text: str) -> str:
    """A line below a server, wrapped to the width."""
    return textwrap.fill(
        printable(text), WIDTH, initial_indent=f"  {mark} ", subsequent_indent="    ", break_on_hyphens=False
    )


def write(lines: Iterable[str]) -> None:
    """Lines to standard output, while somebody reads it."""
    try:
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, `head` for example, has seen enough; the work and its exit code are the same without it.
        give_up_stdout()
