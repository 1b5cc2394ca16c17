"""The transport under the real client: every exchange is a boundary, and goes wrong as the chooser says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import requests
from urllib3.exceptions import ProtocolError

from rotator.api.transport import Reply
from rotator.model import CAP, Id, Snapshot, opaque_id
from rotator.simulate.rules import is_owned, slot_of
from tests.exploration import faults
from tests.exploration.account import OUTAGE, created
from tests.exploration.lists import HTML, Lists
from tests.exploration.outside import Call, Outside
from tests.exploration.worlds import CREATE_TIME, SLOW_CREATE
from tests.fake_cloud import Crash

TIMEOUT = timedelta(seconds=30)
URL = "https://api.example.org/api/v1"


class Wire:
    """The transport of one machine. `skew` is how far its clock is from the API's."""

    def __init__(self, machine: str, outside: Outside, turnstile: Callable[[], None] = lambda: None) -> None:
        self.machine = machine
        self.skew = timedelta(0)
        self.engine_skew: Callable[[], timedelta] = lambda: self.skew
        """How far what the machine takes the time to be is from the API's: it follows its clock between passes only."""
        self._outside = outside
        self._account = outside.account
        self._lists = Lists(machine, outside)
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
        if method == "POST" and json is not None:
            return Call("create", opaque_id(str(json["server_id"])), str(json["name"]))
        if method == "DELETE":
            target = opaque_id(parts.path.rstrip("/").rpartition("/")[2])
            row = self._account.rows.get(target)
            return Call("delete", row.made.server_id if row else None, row.made.name if row else str(target), target)
        of = query.get("server_id")
        return Call("list", opaque_id(of[0]) if of else None, page=int(query.get("page", ["1"])[0]))

    def _offers(self, call: Call) -> tuple[str, ...]:
        if call.verb == "list":
            offers = self._lists.offers(call)
        else:
            offers = faults.AT_CREATE if call.verb == "create" else faults.AT_DELETE
        return (*offers, *self._person_offers(self._subject(call), call.page)) if offers else ()

    def _subject(self, call: Call) -> Id:
        """Whose server a person goes to."""
        return call.server_id or self._account.world.policies[0].server_id

    def _person_offers(self, server_id: Id, page: int) -> tuple[str, ...]:
        there = self._account.there(server_id)
        creates = (faults.PERSON_CREATES,) if len(there) < CAP else ()
        owned = self._owned(server_id)
        deletes = (faults.PERSON_DELETES_NEWEST, faults.PERSON_DELETES_OLDEST)[: min(len(owned), 2)]
        if self._account.world.page and self._account.now < self._account.frozen_until:
            # A list that lags may be the last one before the next slot, so what goes while it is read is missed then.
            deletes = deletes[1:]  # so no person deletes the newest then
        replaces = (faults.PERSON_REPLACES,) if page > 1 and len(owned) > 1 else ()
        return (*creates, *deletes, *replaces)

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
        if fault in (faults.PERSON_DELETES_NEWEST, faults.PERSON_DELETES_OLDEST, faults.PERSON_REPLACES):
            place = -1 if fault == faults.PERSON_DELETES_NEWEST else 0
            account.remove(self._owned(self._subject(call))[place].id, by_hand=True)
        if fault in (faults.PERSON_CREATES, faults.PERSON_REPLACES):
            account.plant_by_hand(self._subject(call))

    def _lost(self, fault: str) -> Reply:
        """The exchange fails, whether or not the request was processed."""
        if fault == faults.BUSY:
            return Reply(429, {"Retry-After": "20"}, b"")
        if fault in (faults.ERROR_BEFORE, faults.ERROR_AFTER):
            return Reply(502, {}, HTML)
        if fault == faults.CUT:
            raise requests.exceptions.ChunkedEncodingError(ProtocolError("Connection broken: IncompleteRead"))
        if fault == faults.NEVER_SENT:
            raise requests.exceptions.ConnectTimeout("timed out")
        self._account.now += TIMEOUT
        raise requests.exceptions.ReadTimeout("read timed out")

    def _processed(self, call: Call, fault: str | None) -> Reply:
        if call.verb == "list":
            return self._lists.answer(call, fault, self.engine_skew())
        return self._create(call, fault) if call.verb == "create" else self._delete(call)

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
        return Reply(201, {}, HTML if fault == faults.MALFORMED else created(made))

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


def _spoilt(reply: Reply) -> Reply:
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2])
