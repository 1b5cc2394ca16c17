"""The transport under the real client: every exchange is a boundary, and goes wrong as the chooser says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import requests
from urllib3.exceptions import ProtocolError

from rotator.api.transport import Reply
from rotator.model import CAP, Id, Policy, Snapshot, opaque_id
from rotator.simulate.rules import is_owned, slot_of
from tests.exploration import faults
from tests.exploration.account import LAG, OUTAGE, Account, View, created, listing
from tests.exploration.chooser import Chooser
from tests.exploration.judge import Judge, Look
from tests.exploration.worlds import CREATE_TIME, SLOW_CREATE
from tests.fake_cloud import Crash

TIMEOUT = timedelta(seconds=30)
URL = "https://api.example.org/api/v1"

_HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `server_id` is None for the account's list; `target` is what a delete is about."""

    verb: str
    server_id: Id | None
    name: str = ""
    target: Id | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.name or self.server_id or 'account'}"


class Outside:
    """What several machines share: the account, the judge, the chooser, and the story of the path."""

    def __init__(self, account: Account, judge: Judge) -> None:
        self.account = account
        self.judge = judge
        self.chooser = Chooser()
        self.calm = False
        self.changes = 0
        """Creates and deletes that arrived."""
        self.story: list[str] | None = None

    def tell(self, line: str) -> None:
        """One more line of the story, if somebody listens."""
        if self.story is not None:
            self.story.append(f"{self.account.now:%d %H:%M:%S} {line}")

    def policy(self, server_id: Id) -> Policy:
        """The rules of a server."""
        return next(each for each in self.account.world.policies if each.server_id == server_id)


class Wire:
    """The transport of one machine. `skew` is how far its clock is from the API's."""

    def __init__(self, machine: str, outside: Outside, turnstile: Callable[[], None] = lambda: None) -> None:
        self.machine = machine
        self.skew = timedelta(0)
        self._outside = outside
        self._account = outside.account
        self._turnstile = turnstile
        self._last = Call("", None), self._account.now
        """The last call, and when it was first sent: what the client repeats was decided on then."""

    def close(self) -> None:
        """Nothing is open."""

    def exchange(self, method: str, url: str, json: Mapping[str, object] | None) -> Reply:
        """See `Transport`."""
        self._turnstile()
        call = self._call(method, url, json)
        fault = self._outside.chooser.choose(() if self._outside.calm else self._offers(call))
        if self._outside.story is not None:
            number = len(self._outside.chooser.offers) - 1
            self._outside.tell(f"{self.machine} #{number} {call}" + (f" <- {fault}" if fault else ""))
        if call != self._last[0]:
            self._last = call, self._account.now
        self._happens_before(call, fault)
        if self._account.now < self._account.down_until:
            self._account.now += timedelta(seconds=10)
            raise requests.exceptions.ConnectTimeout("no route to host")
        if fault in faults.LOST and fault not in faults.PROCESSED:
            if call.verb == "create" and fault in (faults.REQUEST_LOST, faults.ERROR_BEFORE):
                self._outside.judge.may_have_created(self.machine, self._subject(call), call.name)
            return self._lost(fault)
        reply = self._processed(call, fault)
        self._outside.tell(f"{self.machine}   {reply.status} {reply.body.decode()[:400]}")
        if fault == faults.CRASH_AFTER:
            raise Crash
        if fault in faults.LOST:
            return self._lost(fault)
        return _spoilt(reply) if fault == faults.TRUNCATED else reply

    # What is asked, and what can go wrong with it

    def _call(self, method: str, url: str, json: Mapping[str, object] | None) -> Call:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        if "page" in query:
            return Call("page", None, query["count"][0])
        if method == "POST" and json is not None:
            return Call("create", opaque_id(str(json["server_id"])), str(json["name"]))
        if method == "DELETE":
            target = opaque_id(parts.path.rstrip("/").rpartition("/")[2])
            row = self._account.rows.get(target)
            return Call("delete", row.made.server_id if row else None, row.made.name if row else str(target), target)
        of = query.get("server_id")
        return Call("list", opaque_id(of[0]) if of else None)

    def _offers(self, call: Call) -> tuple[str, ...]:
        if call.verb == "page":
            return ()
        person = self._person_offers(self._subject(call))
        if call.verb == "create":
            return (*faults.AT_CREATE, *person)
        if call.verb == "delete":
            return (*faults.AT_DELETE, *person)
        view, _ = self._account.shown(call.server_id)
        served, _ = self._account.served.get(str(call.server_id), (None, 0))
        unfit = set() if view else {faults.EMPTY, faults.COUNT_WRONG, faults.PAGE_LOST, faults.WRONG_SERVER}
        outdated = self._account.outdated_at.get(str(call.server_id), self._account.now)
        if served is None or served == view or self._account.now - outdated > LAG:
            unfit.add(faults.STALE)
        missing = (faults.MISSING,) if len({each.server_id for each in view}) > 1 else ()
        return (*(each for each in faults.AT_LIST if each not in unfit), *missing, *person)

    def _subject(self, call: Call) -> Id:
        """Whose server a person goes to."""
        return call.server_id or self._account.world.policies[0].server_id

    def _person_offers(self, server_id: Id) -> tuple[str, ...]:
        there = self._account.there(server_id)
        creates = (faults.PERSON_CREATES,) if len(there) < CAP else ()
        owned = self._owned(server_id)
        deletes = (faults.PERSON_DELETES_NEWEST, faults.PERSON_DELETES_OLDEST)[: min(len(owned), 2)]
        return (*creates, *deletes)

    def _owned(self, server_id: Id) -> list[Snapshot]:
        policy = self._outside.policy(server_id)
        owned = [each for each in self._account.there(server_id) if is_owned(policy, each)]
        return sorted(owned, key=lambda each: (slot_of(policy, each), each.id))

    # What happens

    def _happens_before(self, call: Call, fault: str | None) -> None:
        account = self._account
        if fault == faults.CRASH_BEFORE:
            raise Crash
        if fault in faults.JUMPS:
            self.skew += faults.JUMPS[fault]
        elif fault == faults.DOWN:
            account.down_until = account.now + OUTAGE
        elif fault == faults.LAGGING:
            account.freeze()
        elif fault == faults.PERSON_CREATES:
            account.plant_by_hand(self._subject(call))
        elif fault in (faults.PERSON_DELETES_NEWEST, faults.PERSON_DELETES_OLDEST):
            place = -1 if fault == faults.PERSON_DELETES_NEWEST else 0
            account.remove(self._owned(self._subject(call))[place].id, by_hand=True)

    def _lost(self, fault: str) -> Reply:
        """The exchange fails, whether or not the request was processed."""
        if fault == faults.BUSY:
            return Reply(429, {"Retry-After": "20"}, b"")
        if fault in (faults.ERROR_BEFORE, faults.ERROR_AFTER):
            return Reply(502, {}, _HTML)
        if fault == faults.CUT:
            raise requests.exceptions.ChunkedEncodingError(ProtocolError("Connection broken: IncompleteRead"))
        if fault == faults.NEVER_SENT:
            raise requests.exceptions.ConnectTimeout("timed out")
        self._account.now += TIMEOUT
        raise requests.exceptions.ReadTimeout("read timed out")

    def _processed(self, call: Call, fault: str | None) -> Reply:
        if call.verb == "create":
            return self._create(call, fault)
        if call.verb == "page":
            return Reply(200, {}, listing((), count=int(call.name)))
        return self._delete(call) if call.verb == "delete" else self._list(call, fault)

    def _create(self, call: Call, fault: str | None) -> Reply:
        account, judge = self._account, self._outside.judge
        server_id = self._subject(call)
        there = [row for row in account.rows.values() if row.made.server_id == server_id]
        self._outside.changes += 1
        judge.creating(self.machine, self._outside.policy(server_id), call.name, there, account.now)
        if fault == faults.REFUSED:
            return Reply(400, {}, b'{"detail": "no"}')
        takes = SLOW_CREATE if fault == faults.SLOW else CREATE_TIME
        made = account.create(server_id, call.name, self.machine, faults.ENDS.get(fault or "", "completed"), takes)
        if made is None:
            return Reply(400, {}, b'{"detail": "limit reached"}')
        judge.may_have_created(self.machine, server_id, call.name)
        judge.changed(self.machine, server_id)
        return Reply(201, {}, _HTML if fault == faults.MALFORMED else created(made))

    def _delete(self, call: Call) -> Reply:
        account = self._account
        self._outside.changes += 1
        row = account.rows.get(call.target or "")
        if row is None:
            return Reply(404, {}, b"")
        server_id = row.made.server_id
        policy = self._outside.policy(server_id)
        self._outside.judge.deleting(self.machine, policy, row.at(account.now), self._last[1])
        account.remove(row.made.id)
        self._outside.judge.changed(self.machine, server_id)
        return Reply(204, {}, b"")

    def _list(self, call: Call, fault: str | None) -> Reply:
        account = self._account
        asked = str(call.server_id)
        view, seq = account.shown(call.server_id)
        if fault == faults.STALE:
            view, seq = account.served[asked]
        body, usable = _answer(view, fault)
        lies: View = () if fault == faults.EMPTY else view
        if fault == faults.MISSING:
            lies = tuple(each for each in view if each.server_id != view[0].server_id)
        if fault != faults.STALE:
            account.serve(asked, (view, seq))
        if usable and fault not in (faults.ANSWER_LOST, faults.ERROR_AFTER, faults.CUT, faults.TRUNCATED):
            self._looked(call.server_id, lies, account.less_own_deletes(view), seq)
        elif not usable:
            everybody = [each.server_id for each in account.world.policies]
            self._outside.judge.unusable(self.machine, everybody if call.server_id is None else [call.server_id])
        return Reply(200, {}, body)

    def _looked(self, server_id: Id | None, shown: View, basis: View, seq: int) -> None:
        """The judge learns what the machine now knows; of the account's list only of servers that it mentions."""
        account = self._account
        mentioned = {each.server_id for each in shown} if server_id is None else {server_id}
        for each in mentioned:
            rows = sum(row.server_id == each for row in shown)
            true = tuple(row for row in basis if row.server_id == each)
            look = Look(account.now + self.skew, account.now, rows, true, seq, empty_lies=bool(true and not rows))
            self._outside.judge.listed(self.machine, each, look)


def _spoilt(reply: Reply) -> Reply:
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])


def _answer(view: View, fault: str | None) -> tuple[bytes, bool]:
    """The body of a list, and whether a client may go by it."""
    if fault == faults.MALFORMED:
        return _HTML, False
    if fault == faults.COUNT_WRONG:
        return listing(view[:-1], count=len(view)), False
    if fault == faults.PAGE_LOST:
        return listing(view[:-1], count=len(view), more=f"/api/v1/snapshots/?page=2&count={len(view)}"), False
    if fault == faults.WRONG_SERVER:
        strangers = tuple(
            Snapshot(each.id, 99999, each.server_name, each.name, each.status, each.created_at) for each in view
        )
        return listing(strangers), False
    if fault == faults.MISSING:
        return listing(each for each in view if each.server_id != view[0].server_id), True
    return listing(() if fault == faults.EMPTY else view), True
