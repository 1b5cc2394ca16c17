"""How a person reads times, slots and names: short, in the policy's time zone, safe for a terminal."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable
from datetime import datetime

from rotator.cli.streams import give_up_stdout
from rotator.model import Id, Policy
from rotator.naming import printable
from rotator.slots import timezone_of

WIDTH = 80

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


def painted(text: str, colour: str) -> str:
    """The text in a colour if it goes to a terminal and NO_COLOR (set and not empty) does not forbid it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def local(moment: datetime | None, policy: Policy, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment in the policy's time zone; `-` for none."""
    return moment.astimezone(timezone_of(policy.schedule.timezone)).strftime(form) if moment else "-"


def heading(server: str, server_id: Id, *facts: str) -> str:
    """The line of a server, its name in bold; what does not fit the width stands below."""
    name = printable(server)
    lines = [f"{name} ({server_id})"]
    for fact in facts:
        longer = f"{lines[-1]}  {fact}"
        if len(longer) <= WIDTH:
            lines[-1] = longer
        else:
            lines.append(f"    {fact}")
    return "\n".join(lines).replace(name, painted(name, "bold"), 1)


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
