"""The API in memory, behind the engine's protocol: enforces the cap, misbehaves as told, and checks the safety rules.

Every call that changes something is judged by the numbered rules of the design. A broken rule is raised as a
`BaseException`, because the engine isolates and survives everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import count
from threading import RLock
from typing import TypeVar

from rotator.engine import RETRY_DELAYS, Agenda, Engine, Ledger, Report, RunHook
from rotator.engine.aside import Done
from rotator.engine.pool import Workers, isolated
from rotator.engine.quiet import no_hooks
from rotator.errors import (
    MaybeCreatedError,
    NotFoundError,
    RefusedError,
    UnreachableError,
    UnreadableError,
)
from rotator.model import CAP, Id, Listing, Policy, Server, Snapshot, State
from rotator.simulate.rules import Shown, judge_create, judge_delete
from tests.conftest import NOW

Answer = TypeVar("Answer")


class Crash(BaseException):
    """The process that made the call is dead; so are all its calls until `revive`."""


class Fault(Enum):
    """How a call goes wrong."""

    LOSE_REQUEST = "the request is lost; nothing happens"
    LOSE_ANSWER = "it happens, but the answer is lost"
    FAIL = "the snapshot ends as failed"
    STICK = "the snapshot never ends"
    ODD = "the snapshot ends with a status nobody documented"


_ENDS = {Fault.FAIL: "failed", Fault.STICK: "in_progress", Fault.ODD: "archived"}


@dataclass(slots=True)
class _Trouble:
    call: str
    server_id: Id | None
    fault: Fault | Exception
    times: int


@dataclass(slots=True)
class _Row:
    snapshot: Snapshot
    ready_at: datetime
    ends_as: str
    shown_from: datetime


class FakeCloud:
    """An account with one server per policy, and servers that no policy is about."""

    def __init__(
        self, policies: Iterable[Policy] = (), *, now: datetime = NOW, create_time: timedelta = timedelta(minutes=5)
    ) -> None:
        self.now = now
        self.create_time = create_time
        self.skew = timedelta(0)
        """How far the clock of the machine that rotator runs on is ahead of the API's."""
        self.lag = timedelta(0)
        """How long lists lack what was created."""
        self.ghosts = timedelta(0)
        """How long lists go on showing what was deleted."""
        self.list_takes = timedelta(0)
        """How long the answer to a list is on its way."""
        self.unlisted: set[Id] = set()
        """Servers that the account's list leaves out."""
        self.unreadable: dict[Id, str] = {}
        """Servers of which a row cannot be read, and why."""
        self.restoring: set[Id] = set()
        """Servers that are being overwritten."""
        self.calls: list[tuple[str, Id | str]] = []
        """What was asked for: `servers`, `account`, `list` with the server, `create` and `delete` with the name."""
        self.crash_at: int | None = None
        """The number of the call during which the process dies, from 1."""
        self.crash_after_acting = False
        self._policies = {policy.server_id: policy for policy in policies}
        self._servers = {policy.server_id: policy.server for policy in self._policies.values()}
        self._rows: dict[Id, _Row] = {}
        self._gone: list[tuple[Snapshot, datetime]] = []
        self._ids = count(801)
        self._troubles: list[_Trouble] = []
        self._shown: dict[Id, Shown] = {}
        self._dead = False
        self._lock = RLock()

    # What tests do with it

    def monotonic(self) -> float:
        """Seconds that went by, whatever the engine's clock was set to."""
        return (self.now - NOW).total_seconds()

    def clock(self) -> datetime:
        """The engine's clock: that of the cloud, unless it was set wrong."""
        return self.now + self.skew

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span

    def govern(self, policies: Iterable[Policy]) -> None:
        """Other policies are in force; the servers stay the same."""
        self._policies = {policy.server_id: policy for policy in policies}

    def add_server(self, server_id: Id, name: str) -> None:
        """A server that no policy is about: no rule is checked for it."""
        self._servers[server_id] = name

    def plant(self, server_id: Id, name: str, created_at: datetime | None = None, status: str = "completed") -> Id:
        """A snapshot that was there before; its status stays as it is."""
        return self._add(server_id, name, created_at or self.now, self.now, status).id

    def trouble(self, call: str, fault: Fault | Exception, *, server_id: Id | None = None, times: int = 1) -> None:
        """The next `times` such calls (for that server) go wrong; an exception is raised before anything happens."""
        self._troubles.append(_Trouble(call, server_id, fault, times))

    def calm(self) -> None:
        """Faults are over."""
        self._troubles.clear()
        self.lag = self.ghosts = self.list_takes = timedelta(0)
        self._gone.clear()
        self.unreadable.clear()
        self.unlisted.clear()
        self.crash_at = None

    def revive(self) -> None:
        """A new process may call."""
        self._dead = False
        self.crash_at = None

    def remove(self, name: str) -> None:
        """Somebody deletes a snapshot by hand."""
        self._rows = {key: row for key, row in self._rows.items() if row.snapshot.name != name}

    def snapshots(self, server_id: Id) -> list[Snapshot]:
        """What is really there, oldest first."""
        found = [self._at(row) for row in self._rows.values() if row.snapshot.server_id == server_id]
        return sorted(found, key=lambda each: (each.created_at or NOW, str(each.id)))

    def names(self, server_id: Id) -> list[str]:
        """The names of what is really there, oldest first."""
        return [each.name for each in self.snapshots(server_id)]

    def changes(self) -> list[tuple[str, Id | str]]:
        """The calls so far that change something."""
        return [call for call in self.calls if call[0] in ("create", "delete")]

    # The engine's protocol

    def account_snapshots(self) -> Listing:
        with self._lock:
            self._begin("account", None, "")
            listing = self._listing([id_ for id_ in self._servers if id_ not in self.unlisted])
            mentioned = {each.server_id for each in listing.snapshots}
            self._remember(mentioned - self.unreadable.keys(), listing)
            return self._answered(listing)

    def server_snapshots(self, server_id: Id) -> Listing:
        with self._lock:
            self._begin("list", server_id, server_id)
            listing = self._listing([server_id])
            self._remember({server_id} - self.unreadable.keys(), listing)
            return self._answered(listing)

    def servers(self) -> Sequence[Server]:
        with self._lock:
            self._begin("servers", None, "")
            return self._answered(
                [
                    Server(id_, name, "restoring" if id_ in self.restoring else "active")
                    for id_, name in self._servers.items()
                ]
            )

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        with self._lock:
            fault = self._begin("create", server_id, name)
            self._judge_create(server_id, name)
            if fault is Fault.LOSE_REQUEST:
                raise MaybeCreatedError(f"create snapshot {name}: no answer")
            if server_id not in self._servers:
                raise NotFoundError(f"create snapshot {name}: no such server")
            if len(self.snapshots(server_id)) >= CAP:
                raise RefusedError(f"create snapshot {name}: the limit is reached")
            ends_as = _ENDS.get(fault, "completed") if fault else "completed"
            made = self._add(server_id, name, self.now, self.now + self.create_time, ends_as, description)
            self._touched(server_id)
            if fault is Fault.LOSE_ANSWER:
                raise MaybeCreatedError(f"create snapshot {name}: no answer")
            return self._answered(made)

    def delete_snapshot(self, snapshot_id: Id) -> None:
        with self._lock:
            row = self._rows.get(snapshot_id)
            name = row.snapshot.name if row else str(snapshot_id)
            fault = self._begin("delete", row.snapshot.server_id if row else None, name)
            if row is not None:
                self._judge_delete(self._at(row))
            if fault is Fault.LOSE_REQUEST:
                raise UnreachableError(f"delete snapshot {name}: no answer")
            self._rows.pop(snapshot_id, None)
            if row is not None:
                self._gone.append((self._at(row), self.now + self.ghosts))
                self._touched(row.snapshot.server_id)
            if fault is Fault.LOSE_ANSWER:
                raise UnreachableError(f"delete snapshot {name}: no answer")
            self._answered(None)

    def restore_snapshot(self, snapshot_id: Id) -> str:
        with self._lock:
            row = self._rows.get(snapshot_id)
            server_id = row.snapshot.server_id if row else None
            fault = self._begin("restore", server_id, row.snapshot.name if row else str(snapshot_id))
            if fault is Fault.LOSE_REQUEST:
                raise UnreadableError("restore: it may have started")
            if row is None:
                raise NotFoundError(f"restore {snapshot_id}: no such snapshot")
            if self._at(row).state is not State.COMPLETED:
                raise RefusedError(f"restore {snapshot_id}: it is not completed")
            if row.snapshot.server_id in self.restoring:
                raise RefusedError(f"restore {snapshot_id}: the server is restoring")
            self.restoring.add(row.snapshot.server_id)
            if fault is Fault.LOSE_ANSWER:
                raise UnreadableError("restore: it may have started")
            return self._answered("restore started")

    # How it works

    def _begin(self, call: str, server_id: Id | None, subject: Id | str) -> Fault | None:
        """Note the call, die if it is time to, and say what goes wrong with it."""
        if self._dead:
            raise Crash
        self.calls.append((call, subject))
        if self.crash_at is not None and len(self.calls) >= self.crash_at:
            self._dead = True
            if not self.crash_after_acting:
                raise Crash
        for trouble in self._troubles:
            if trouble.call == call and trouble.times > 0 and trouble.server_id in (None, server_id):
                trouble.times -= 1
                if isinstance(trouble.fault, Exception):
                    raise copy(trouble.fault)
                return trouble.fault
        return None

    def _answered(self, answer: Answer) -> Answer:
        """The answer, unless who asked is dead by now."""
        if self._dead:
            raise Crash
        return answer

    def _add(
        self,
        server_id: Id,
        name: str,
        created_at: datetime,
        ready_at: datetime,
        ends_as: str,
        description: str = "",
    ) -> Snapshot:
        made = Snapshot(
            next(self._ids),
            server_id,
            self._servers[server_id],
            name,
            "in_progress",
            created_at,
            description=description,
        )
        shown_from = self.now + self.lag if ready_at > self.now else self.now
        self._rows[made.id] = _Row(made, ready_at, ends_as, shown_from)
        return made

    def _at(self, row: _Row) -> Snapshot:
        return replace(row.snapshot, status=row.ends_as) if self.now >= row.ready_at else row.snapshot

    def _listing(self, server_ids: list[Id]) -> Listing:
        rows = [row for row in self._rows.values() if row.snapshot.server_id in server_ids]
        shown = [self._at(row) for row in rows if row.shown_from <= self.now]
        shown += [each for each, until in self._gone if each.server_id in server_ids and self.now < until]
        return Listing(tuple(shown), tuple((id_, why) for id_, why in self.unreadable.items() if id_ in server_ids))

    def _remember(self, server_ids: Iterable[Id], listing: Listing) -> None:
        for server_id in server_ids:
            rows = [each for each in listing.snapshots if each.server_id == server_id]
            self._shown[server_id] = Shown(self.clock(), len(rows))
        self.now += self.list_takes

    def _touched(self, server_id: Id) -> None:
        if server_id in self._shown:
            self._shown[server_id] = replace(self._shown[server_id], stale=True)

    # The rules

    def _judge_create(self, server_id: Id, name: str) -> None:
        if server_id in self._policies:
            judge_create(name, self.snapshots(server_id), self._shown.get(server_id))

    def _judge_delete(self, target: Snapshot) -> None:
        policy = self._policies.get(target.server_id)
        if policy is not None:
            shown = self._shown.get(target.server_id)
            judge_delete(policy, target, self.snapshots(target.server_id), shown, self.clock())


class Inline:
    """Work beside the passes that is done at once: the clock of a test does not wait for threads."""

    def __init__(self) -> None:
        self._done: dict[Id, Done] = {}

    def start(self, server_id: Id, work: Callable[[], bool | None], *, urgent: bool = False) -> None:
        self._done[server_id] = isolated(lambda _: work(), None)

    def busy(self) -> frozenset[Id]:
        return frozenset(self._done)

    def ended(self) -> dict[Id, Done]:
        done, self._done = self._done, {}
        return done

    def wait(self, seconds: float) -> None:
        """Nothing goes on."""

    def close(self) -> None:
        """There is nothing to let go."""


class Shell:
    """What the daemon and the one-shot do with an engine, on the cloud's clock: pass, appointment, pass …"""

    def __init__(
        self,
        cloud: FakeCloud,
        policies: Sequence[Policy],
        *,
        daemon: bool = True,
        parallel: int = 1,
        ledger: Ledger | None = None,
        run_hook: RunHook = no_hooks,
        workers: Workers | None = None,
    ) -> None:
        self.cloud = cloud
        self.policies = policies
        self.agenda = Agenda(policies, cloud.clock(), lasting=daemon)
        retry_delays = RETRY_DELAYS if daemon else ()
        poll = timedelta(seconds=15)
        self.engine = Engine(
            cloud,
            cloud.clock,
            cloud.monotonic,
            parallel=parallel,
            poll_interval=poll,
            retry_delays=retry_delays,
            ledger=ledger,
            run_hook=run_hook,
            aside=Inline(),
            workers=workers,
        )

    def passes(self, until: datetime) -> Iterator[Report]:
        """Passes as they fall due until then; a one-shot may be finished before."""
        while (at := self.agenda.next_at()) is not None and at <= until:
            self.cloud.now = max(self.cloud.now, at)
            report = self.engine.run_pass(self.agenda.due(self.cloud.now))
            self.agenda.note(report)
            yield report

    def run(self, span: timedelta = timedelta(minutes=30)) -> list[Report]:
        """All passes of that span; the clock stands at its end."""
        until = self.cloud.now + span
        reports = list(self.passes(until))
        self.cloud.now = max(self.cloud.now, until)
        return reports

    def close(self) -> None:
        """Let the threads of the engine go."""
        self.engine.close()


def truncated() -> UnreadableError:
    """What the client makes of a list that is not complete."""
    return UnreadableError("list: count says 9, but 8 rows came; not a complete list")
