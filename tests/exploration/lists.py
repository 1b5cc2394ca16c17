"""How lists are answered, whole or in pages, honestly or not, and what a machine knows by them; changes no snapshot.

A list of several pages is what reached the machine, put together. It is a base to act on only if just these rows were
there at a moment when one of its pages was true. That their counts agree says less: between two pages one row may go
and another one come, and what moved to a page that was read already is shown by none.

rotator reads such a list twice. Only changes that make up for each other, and an old page on top of them, can make both
readings agree on what never was; nobody could tell, and it takes three faults: worlds with pages are for two at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.api.transport import Reply
from rotator.model import Id, Snapshot
from tests.exploration import faults
from tests.exploration.account import LAG, Version, View, listing
from tests.exploration.judge import Look
from tests.exploration.outside import Call, Outside

HTML = b"<html><h1>502 Bad Gateway</h1></html>"

_NO_LIST = (faults.MALFORMED, faults.COUNT_WRONG, faults.PAGE_LOST, faults.WRONG_SERVER)
"""What comes is none that a client may go by."""


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows, how many the whole list has, and whether a page follows."""

    rows: View
    total: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Got:
    """A page that reached the machine: the rows that it showed, the list that it was of, and when, by both clocks."""

    rows: View
    whole: Version
    at: datetime
    true_at: datetime


class Lists:
    """The lists that one machine gets."""

    def __init__(self, machine: str, outside: Outside) -> None:
        self._machine = machine
        self._account = outside.account
        self._judge = outside.judge
        self._got: list[_Got] = []
        """The pages of the list that is being read. A first page begins anew, so none of it matters to a later turn."""

    def offers(self, call: Call) -> tuple[str, ...]:
        """What can go wrong with a list, or with a page of it."""
        if self._is_beyond(call):
            return ()
        account, asked = self._account, _asked(call)
        page = self._page(account.shown(call.server_id), call)
        served = account.served.get(asked)
        unfit = set() if page.rows else {faults.EMPTY, faults.COUNT_WRONG, faults.PAGE_LOST, faults.WRONG_SERVER}
        outdated = account.outdated_at.get(asked, account.now)
        if served is None or self._page(served, call) == page or account.now - outdated > LAG:
            unfit.add(faults.STALE)
        missing = (faults.MISSING,) if len({each.server_id for each in page.rows}) > 1 else ()
        return (*(each for each in faults.AT_LIST if each not in unfit), *missing)

    def answer(self, call: Call, fault: str | None, skew: timedelta) -> Reply:
        """The list, or the page of it that was asked for; the judge learns what the machine then knows."""
        account = self._account
        whole = account.shown(call.server_id)
        if self._is_beyond(call):
            return Reply(200, {}, listing((), count=len(whole[0])))
        if fault == faults.STALE:
            whole = account.served[_asked(call)]
        else:
            account.serve(_asked(call), whole)
        page = self._as_told(self._page(whole, call), fault)
        if fault in _NO_LIST:
            self._judge.unusable(self._machine, self._servers(call))
        if fault not in (faults.ANSWER_LOST, faults.ERROR_AFTER, faults.CUT, faults.TRUNCATED, faults.MALFORMED):
            got = _Got(page.rows, whole, account.now + skew, account.now)
            self._got = [got] if call.page == 1 else [*self._got, got]
            if fault not in _NO_LIST:
                self._read(call, page, whole)
        if fault == faults.MALFORMED:
            return Reply(200, {}, HTML)
        return Reply(200, {}, listing(page.rows, page.total, _link(call) if page.more else None))

    def _is_beyond(self, call: Call) -> bool:
        """Whether it is the page that a fault announced."""
        return self._account.world.page is None and call.page > 1

    def _page(self, whole: Version, call: Call) -> _Page:
        rows, size = whole[0], self._account.world.page
        if size is None:
            return _Page(rows, len(rows))
        return _Page(rows[size * (call.page - 1) : size * call.page], len(rows), size * call.page < len(rows))

    def _as_told(self, page: _Page, fault: str | None) -> _Page:
        """The page as the machine is told it, if it comes."""
        rows = page.rows
        if fault == faults.EMPTY:
            return _Page((), 0)
        if fault == faults.MISSING:
            rest = tuple(each for each in rows if each.server_id != rows[0].server_id)
            return _Page(rest, page.total - len(rows) + len(rest), page.more)
        if fault == faults.PAGE_LOST:
            in_pages = self._account.world.page is not None
            return replace(page, rows=()) if in_pages else replace(page, rows=rows[:-1], more=True)
        if fault == faults.COUNT_WRONG:
            return replace(page, rows=rows[:-1])
        if fault == faults.WRONG_SERVER:
            return replace(page, rows=tuple(_stranger(each) for each in rows))
        return page

    def _servers(self, call: Call) -> list[Id]:
        """Whom the list is about."""
        everybody = [each.server_id for each in self._account.world.policies]
        return everybody if call.server_id is None else [call.server_id]

    def _read(self, call: Call, page: _Page, whole: Version) -> None:
        """A page that may be gone by reached the machine."""
        if call.page == 1 and not page.more:
            self._looked(call, page.rows, whole[0], whole[1])
            return
        shown = tuple(row for got in self._got for row in got.rows)
        true = [got.whole for got in self._got if _whose(got.whole[0]) == _whose(shown)]
        if page.more or not true:
            self._judge.unusable(self._machine, self._servers(call))
        else:
            # Each row as its page showed it: it may have come to its end after the first page.
            self._looked(call, shown, shown, true[-1][1])

    def _looked(self, call: Call, shown: View, whole: View, seq: int) -> None:
        """The judge learns what the machine now knows; of the account's list only of servers that it mentions."""
        first, basis = self._got[0], self._account.less_own_deletes(whole)
        mentioned = {each.server_id for each in shown} if call.server_id is None else {call.server_id}
        for each in mentioned:
            rows = sum(row.server_id == each for row in shown)
            true = tuple(row for row in basis if row.server_id == each)
            look = Look(first.at, first.true_at, rows, true, seq, empty_lies=bool(true and not rows))
            self._judge.listed(self._machine, each, look)


def _asked(call: Call) -> str:
    return f"{call.server_id}" if call.page == 1 else f"{call.server_id} page {call.page}"


def _link(call: Call) -> str:
    of = "" if call.server_id is None else f"server_id={call.server_id}&"
    return f"/api/v1/snapshots/?{of}page={call.page + 1}"


def _whose(rows: View) -> list[tuple[Id, Id]]:
    return [(each.id, each.server_id) for each in rows]


def _stranger(row: Snapshot) -> Snapshot:
    """The row, as if it were of a server that nobody knows."""
    return Snapshot(row.id, 99999, row.server_name, row.name, row.status, row.created_at)
