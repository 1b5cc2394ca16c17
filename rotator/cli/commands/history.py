"""`rotator history`: what was created, deleted and restored, when and why; works without a usable configuration."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from rotator.cli.account import start_logging
from rotator.cli.clock import clock
from rotator.cli.locations import state_file
from rotator.cli.period import period
from rotator.cli.servers import is_called
from rotator.cli.words import bullet, painted, write
from rotator.config import find_config, load
from rotator.errors import Exit, RotatorError, UsageError
from rotator.model import Id
from rotator.naming import printable
from rotator.planner.words import counted
from rotator.standing import iso
from rotator.state.history import Entry, History

_ROW = "{:<16}  {:<18} {:<7} {:<24} "
_ANSWER_WITHIN = timedelta(minutes=15)
_NO_ANSWER = "rotator ended before the answer came: whether it was done is unknown"

Wanted = Callable[[Entry], bool]


def run(arguments: argparse.Namespace) -> int:
    """Show what the state of the configuration has recorded."""
    start_logging(arguments)
    now = clock()
    since, until = period(arguments.since, arguments.until, now)
    with History(state_file(arguments)) as history:
        wanted = _wanted(arguments, history.servers())
        found = (entry for entry in history.entries(since, until) if wanted(entry))
        write(_document(found, history.path, since, until, now) if arguments.json else _table(found, since, until, now))
    return Exit.DONE


def _wanted(arguments: argparse.Namespace, known: Sequence[tuple[Id, str]]) -> Wanted:
    """Whether an entry is of one of the servers asked for; UsageError for a name that nobody ever heard of.

    A server that was renamed is found by each of its names, with all that was done to it.
    """
    if not arguments.server:
        return lambda entry: True  # noqa: ARG005 - every one
    servers: set[Id] = set()
    for name in arguments.server:
        found = {server_id for server_id, each in known if is_called(name, server_id, each)}
        if not found and not _is_configured(arguments, name):
            names = sorted({each for _, each in known})
            shown = ", ".join(printable(each) for each in names[:10]) + (", …" if len(names) > 10 else "")
            raise UsageError(f"--server {name}: the history has no server of this name or id; it has {shown or 'none'}")
        servers |= found
    return lambda entry: entry.server_id in servers


def _is_configured(arguments: argparse.Namespace, name: str) -> bool:
    """Whether the configuration has such a server, of which nothing is recorded yet; no, if it cannot be read."""
    try:
        policies = load(find_config(arguments.config, os.environ)).policies
    except RotatorError:
        return False
    return any(is_called(name, policy.server_id, policy.server) for policy in policies)


def _table(found: Iterator[Entry], since: datetime | None, until: datetime | None, now: datetime) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for entry in found:
        if not counts:
            yield painted(_ROW.format("TIME (UTC)", "SERVER", "WHAT", "SNAPSHOT") + "RESULT", "bold")
        counts[entry.verb] += 1
        yield from _lines(entry, now)
    period = f"{f' since {since:%Y-%m-%d %H:%M}' if since else ''}{f' until {until:%Y-%m-%d %H:%M}' if until else ''}"
    if not counts:
        yield f"nothing recorded{period}{' UTC' if period else ''}"
        return
    total = f"{counts.total():,} {'entry' if counts.total() == 1 else 'entries'}{period}"
    yield f"\n{total}: {', '.join(counted(count, verb) for verb, count in sorted(counts.items()))}"


def _lines(entry: Entry, now: datetime) -> Iterator[str]:
    result = _result(entry, now)
    bad = result in ("failed", "unknown", "uncertain")
    colour = "red" if bad else ("yellow" if result in ("open", "not_sent") else "green")
    row = _ROW.format(
        f"{entry.at:%Y-%m-%d %H:%M}", _cut(entry.server, 18), _cut(entry.verb, 7), _cut(entry.snapshot, 24)
    )
    yield row + painted(result, colour)
    if entry.reason:
        yield bullet("-", entry.reason)
    said = _NO_ANSWER if result == "unknown" else entry.detail
    if said:
        yield painted(bullet("!" if bad else "-", said), "red" if bad else "yellow")


def _result(entry: Entry, now: datetime) -> str:
    """The recorded result; without one `open` while an answer may still come, then `unknown`."""
    if entry.result is not None:
        return entry.result
    return "open" if now - entry.at < _ANSWER_WITHIN else "unknown"


def _cut(text: str, width: int) -> str:
    shown = printable(text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def _document(
    found: Iterator[Entry], path: Path, since: datetime | None, until: datetime | None, now: datetime
) -> Iterator[str]:
    """One JSON object, written as it is read: a full history has 200,000 entries."""
    head = {"generated_at": iso(now), "state_file": str(path), "since": iso(since), "until": iso(until)}
    yield json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "entries": ['
    before = None
    for entry in found:
        if before is not None:
            yield before + ","
        before = "    " + json.dumps(_entry_json(entry, now))
    if before is not None:
        yield before
    yield "  ]\n}"


def _entry_json(entry: Entry, now: datetime) -> dict[str, object]:
    return {
        "at": iso(entry.at),
        "server_id": entry.server_id,
        "server": entry.server,
        "policy": entry.policy or None,
        "action": entry.verb,
        "cause": entry.cause,
        "name": entry.snapshot,
        "snapshot_id": entry.snapshot_id,
        "slot": iso(entry.slot),
        "attempt": entry.attempt,
        "reason": entry.reason,
        "result": _result(entry, now),
        "detail": entry.detail,
        "ended_at": iso(entry.ended_at),
        "duration_s": None if entry.took is None else entry.took.total_seconds(),
        "by": entry.by,
        "pass_id": entry.pass_id,
    }
