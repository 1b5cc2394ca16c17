"""`rotator restore`: put a server back to a restore point, after showing which, what is lost, and asking."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rotator.cli.account import Account, open_account
from rotator.cli.ask import typed
from rotator.cli.clock import clock
from rotator.cli.locations import lock_file
from rotator.cli.period import moment
from rotator.cli.progress import Waiting
from rotator.cli.servers import is_called
from rotator.cli.words import write
from rotator.config import Config
from rotator.daemon.heartbeat import heartbeat, is_marked
from rotator.engine.lease import LONGEST, Interlock
from rotator.engine.restore import Ending, Pace, Restore
from rotator.errors import Exit, LockError, UsageError
from rotator.model import CAP, Id, Policy, Snapshot, State, opaque_id
from rotator.naming import printable
from rotator.slots import timezone_of
from rotator.standing.words import age

_GOES_ON = (
    "interrupted: the restore goes on, and rotation stays held off this server until the API says that it is over; "
    "`rotator status` shows when"
)


def run(arguments: argparse.Namespace) -> int:
    """Find the restore point, show what will happen, ask, hold rotation off, restore, follow."""
    if arguments.snapshot_id is not None and arguments.at is not None:
        raise UsageError("--at TIME looks for a restore point, and an id is one: give an id or --at, not both")
    if arguments.snapshot_id is None and arguments.server is None:
        raise UsageError("say which: the id of a snapshot, or --server and --at; `rotator status` shows what is there")
    with open_account(arguments) as account, _ended_in_order():
        rows = account.client.account_snapshots().snapshots
        target = _target(arguments, account, rows)
        beside = [each for each in rows if each.server_id == target.server_id]
        safety = not arguments.no_safety
        _check_alone(arguments, account)
        write(_warning(target, beside, account.config, safety=safety))
        question = f"Type the server's name, {printable(target.server_name)}, to go ahead: "
        if not arguments.yes and not typed(question, target.server_name):
            write(["nothing was done"])
            return Exit.PROBLEM
        ending = _restored(arguments, account, target, safety=safety)
        write(_farewell(target, ending))
        return Exit.PROBLEM if ending is Ending.UNKNOWN else Exit.DONE


def _restored(arguments: argparse.Namespace, account: Account, target: Snapshot, *, safety: bool) -> Ending:
    """Do it, and show what is waited for."""
    timing = account.config.timing
    waiting = Waiting(lambda words: write([words]))
    restore = Restore(
        account.client,
        _state(account),
        clock,
        waiting.sleep,
        say=waiting.say,
        check=lambda: _check_alone(arguments, account),
        pace=Pace(timing.poll_interval, timing.stuck_after),
    )
    prefix = next((each.prefix for each in _of(account.config, target.server_id)), "rotator")
    try:
        return restore.run(target, prefix=prefix, safety=safety, wait=not arguments.no_wait)
    except KeyboardInterrupt:
        if restore.may_have_begun:
            raise KeyboardInterrupt(_GOES_ON) from None
        raise
    finally:
        waiting.clear()


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """A terminal that hangs up, or a stop, ends the command as Ctrl-C does: what it holds is let go."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _state(account: Account) -> Interlock:
    """Where the hold is kept."""
    if account.state is None:
        raise UsageError("a restore needs a state; name its directory with --state-dir")
    return account.state


def _of(config: Config, server_id: Id) -> Iterator[Policy]:
    """The policy of a server, if it is in the configuration."""
    return (policy for policy in config.policies if policy.server_id == server_id)


def _target(arguments: argparse.Namespace, account: Account, rows: Sequence[Snapshot]) -> Snapshot:
    """The restore point that the arguments mean; UsageError with those there are if it is none."""
    own = rows if arguments.server is None else _rows_of_server(arguments.server, account, rows)
    if arguments.snapshot_id is not None:
        return _with_id(opaque_id(arguments.snapshot_id), own, arguments)
    if arguments.at is None:
        raise UsageError(f"say which with --at TIME or an id:\n{_listed(own, account.config)}")
    zone = next((each.schedule.timezone for each in _of(account.config, own[0].server_id)), "UTC") if own else "UTC"
    at = moment("--at", arguments.at, clock(), timezone_of(zone))
    points = [each for each in own if each.state is State.COMPLETED and each.created_at and each.created_at <= at]
    if not points:
        raise UsageError(f"--at {arguments.at}: no restore point is that old:\n{_listed(own, account.config)}")
    return max(points, key=_created)


def _created(snapshot: Snapshot) -> datetime:
    return snapshot.created_at or datetime.min.replace(tzinfo=timezone_of("UTC"))


def _rows_of_server(named: str, account: Account, rows: Sequence[Snapshot]) -> list[Snapshot]:
    """The snapshots of the server with this name or id, in the configuration or at the API."""
    ids = {each.server_id for each in account.config.policies if is_called(named, each.server_id, each.server)}
    ids |= {each.server_id for each in rows if is_called(named, each.server_id, each.server_name)}
    if len(ids) > 1:
        raise UsageError(f"--server {named}: several servers go by this name: use the id")
    found = [each for each in rows if each.server_id in ids]
    if not found:
        raise UsageError(f"--server {named}: this account has no snapshot of such a server")
    return found


def _with_id(wanted: Id, rows: Sequence[Snapshot], arguments: argparse.Namespace) -> Snapshot:
    found = [each for each in rows if each.id == wanted]
    if not found:
        whose = f"server {arguments.server}" if arguments.server else "this account"
        raise UsageError(f"no snapshot of {whose} has the id {wanted}; `rotator status --json` shows the ids")
    if found[0].state is not State.COMPLETED:
        words = f"snapshot {wanted} ({printable(found[0].name)}) has status {found[0].status!r}"
        raise UsageError(f"{words}: only a completed one can be restored; see `rotator status`")
    return found[0]


def _listed(rows: Sequence[Snapshot], config: Config) -> str:
    """The restore points of a server, newest first, for somebody who has to choose."""
    points = sorted((each for each in rows if each.state is State.COMPLETED), key=_created, reverse=True)
    return "\n".join(f"  {each.id}  {_taken(each, config)}  {printable(each.name)}" for each in points) or "  none"


def _taken(snapshot: Snapshot, config: Config) -> str:
    """When a snapshot was taken, in the server's zone, and how long ago."""
    if snapshot.created_at is None:
        return "at an unknown time"
    zone = next((each.schedule.timezone for each in _of(config, snapshot.server_id)), "UTC")
    local = snapshot.created_at.astimezone(timezone_of(zone))
    return f"{local:%Y-%m-%d %H:%M} {zone} ({age(clock() - snapshot.created_at)} ago)"


def _check_alone(arguments: argparse.Namespace, account: Account) -> None:
    """Whoever rotates meanwhile has to see the hold: LockError unless they share the state of this command."""
    beat = heartbeat(lock_file(arguments, account.config.path))
    if beat is None or not beat.held:
        if not is_marked(account.config.path):
            return
        who = "another user's process"
    elif beat.state and beat.state == _state(account).identity and beat.is_alive(clock()):
        return
    else:
        who = f"process {beat.pid or '?'}"
    raise LockError(
        f"{who} rotates with this configuration and would not know of the restore, for it does not use the state that "
        "this command uses (see the log for what is wrong with that): run this as the same user, or as root beside the "
        "service, with the same --lock-file and --state-dir, or stop that process first"
    )


def _warning(target: Snapshot, beside: Sequence[Snapshot], config: Config, *, safety: bool) -> list[str]:
    span = f"in the {age(clock() - target.created_at)} since then" if target.created_at else "since then"
    newer = [each for each in beside if target.created_at and each.created_at and each.created_at > target.created_at]
    points = sum(1 for each in newer if each.state is State.COMPLETED)
    return [
        f"Restore {printable(target.name)} ({target.id}), taken {_taken(target, config)},",
        f"onto server {printable(target.server_name)} ({target.server_id}).",
        "",
        "The server stops, its whole disk is overwritten, and what was written",
        f"{span} is lost. This takes 5 to 15 minutes and cannot be undone.",
        f"Newer restore points of this server, which stay: {points}.",
        _safety_words(beside, safety=safety),
        "Rotation leaves this server alone until the restore is over.",
        "",
    ]


def _safety_words(beside: Sequence[Snapshot], *, safety: bool) -> str:
    if not safety:
        return "No safety snapshot is taken (--no-safety)."
    if len(beside) >= CAP:
        return f"No safety snapshot: all {CAP} places are taken. `rotator status` shows by what."
    return "First a safety snapshot of the server as it is now is taken (3 to 10 minutes)."


def _farewell(target: Snapshot, ending: Ending) -> list[str]:
    server = printable(target.server_name)
    match ending:
        case Ending.OVER:
            return [f"{server} is restored from {printable(target.name)}"]
        case Ending.STARTED:
            return [f"{server} is being restored; rotation goes on by itself when the API says that it is over"]
        case Ending.UNKNOWN:
            return [f"{server} is not back after {age(LONGEST)}: look at it in the control panel"]
