"""The calls of the VPS.org API as methods; each error says what was asked, what came back and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urljoin

from rotator.api.answers import (
    Account,
    MalformedError,
    Page,
    parse_account,
    parse_json,
    parse_page,
    parse_server,
    parse_snapshot,
    row_server,
    shortened,
)
from rotator.api.caller import Caller, Observe
from rotator.api.transport import Reply, Transport, origin_of
from rotator.api.wire import MAX_BODY
from rotator.errors import MaybeCreatedError, NotFoundError, RefusedError, UnreadableError
from rotator.model import Id, Listing, Server, Snapshot

_MOST_PAGES = 10_000
_LONGEST_LISTING = timedelta(minutes=10)
"""For all pages of a list: each has a time-out of its own, which is no limit for thousands of them."""

Answer = TypeVar("Answer")


class Client:
    """One account's API; thread-safe."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: timedelta,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        observe: Observe | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._caller = Caller(
            url, token, timeout=timeout, clock=clock, sleep=sleep, observe=observe, transport=transport
        )

    def close(self) -> None:
        """Close every connection; a later call opens new ones."""
        self._caller.close()

    def account_snapshots(self) -> Listing:
        """The snapshots of every server of the account, complete, or UnreadableError (S4)."""
        return self._snapshots("/snapshots/", of=None)

    def server_snapshots(self, server_id: Id) -> Listing:
        """The snapshots of one server, complete, or UnreadableError (S4)."""
        return self._snapshots("/snapshots/?" + urlencode({"server_id": server_id}), of=server_id)

    def create_snapshot(self, server_id: Id, name: str, description: str) -> Snapshot:
        """Ask for a snapshot, once. MaybeCreatedError: look the name up before anything else (S7)."""
        body: dict[str, object] = {"server_id": server_id, "name": name}
        if description:
            body["description"] = description
        what = f"create snapshot {name} of server {server_id}"
        try:
            reply = self._caller.send("POST", "/snapshots/", what, json=body)
        except RefusedError as error:
            raise RefusedError(
                f"{error}: the limit of 5 is reached, or the name or description is not allowed"
            ) from None
        if reply.status != 201:
            moved = "rotator follows no redirect: fix api.url; " if 300 <= reply.status <= 399 else ""
            raise MaybeCreatedError(self._caller.said(what, reply, f"{moved}rotator looks for it before it asks again"))
        try:
            made = parse_snapshot(parse_json(reply.body), "snapshot")
        except MalformedError as error:
            raise MaybeCreatedError(
                self._caller.said(what, reply, f"{error}; rotator looks for it before it asks again")
            ) from None
        if (made.server_id, made.name) != (server_id, name):
            raise MaybeCreatedError(
                self._caller.said(what, reply, "that is another snapshot; rotator looks for the right one")
            )
        return made

    def delete_snapshot(self, snapshot_id: Id) -> None:
        """Delete a snapshot; one that is gone already is done."""
        what = f"delete snapshot {snapshot_id}"
        try:
            reply = self._caller.send("DELETE", f"/snapshots/{_segment(snapshot_id)}/", what)
        except NotFoundError:
            return
        if not 200 <= reply.status <= 299:
            raise UnreadableError(self._caller.said(what, reply, "the next pass looks whether it is gone"))

    def restore_snapshot(self, snapshot_id: Id) -> str:
        """Overwrite a server with a snapshot; returns the API's message. Never repeated: see the error's words."""
        what = f"restore snapshot {snapshot_id}"
        try:
            reply = self._caller.send("POST", f"/snapshots/{_segment(snapshot_id)}/restore/", what)
            if reply.status == 200:
                return str(parse_json(reply.body).get("message") or "restore started")
        except (MalformedError, MaybeCreatedError) as error:
            raise UnreadableError(
                f"{what}: it may have started: look at the server before trying again ({error})"
            ) from None
        raise UnreadableError(self._caller.said(what, reply, "look at the server's state before trying again"))

    def servers(self) -> tuple[Server, ...]:
        """Every server of the account."""
        rows = self._rows("/servers/", "list the servers")
        return tuple(self._parsed(parse_server, row, f"results[{at}]") for at, row in enumerate(rows))

    def account(self) -> Account:
        """Whose token this is."""
        what = "show the account"
        return self._parsed(lambda body, _: parse_account(body), self._read("/account/me/", what).body, what)

    def _snapshots(self, path: str, of: Id | None) -> Listing:
        what = "list the account's snapshots" if of is None else f"list the snapshots of server {of}"
        snapshots: list[Snapshot] = []
        unreadable: list[tuple[Id, str]] = []
        for at, row in enumerate(self._rows(path, what)):
            try:
                snapshots.append(parse_snapshot(row, f"results[{at}]"))
            except MalformedError as error:
                server_id = row_server(row)
                if server_id is None:
                    raise UnreadableError(f"{what}: {error}; nothing is decided on this list") from None
                unreadable.append((server_id, f"{what}: {error}"))
        ids = [snapshot.id for snapshot in snapshots]
        if len(set(ids)) < len(ids):
            raise UnreadableError(f"{what}: one id came twice, so a row may be missing; nothing is decided on it")
        strangers = {snapshot.server_id for snapshot in snapshots} - {of} if of is not None else set()
        if strangers:
            whose = shortened(strangers)
            raise UnreadableError(f"{what}: rows of other servers came ({whose}); nothing is decided on it")
        return Listing(tuple(snapshots), tuple(unreadable))

    def _rows(self, path: str, what: str) -> list[Any]:
        """All rows of a list; one of several pages is read twice, and must be the same.

        While it is read, a delete may move a row from a page to come into one that was read, and a create fill its
        place in the count: the list would look complete and lack that row (S4).
        """
        rows, pages = self._pages(path, what)
        if pages == 1:
            return rows
        again, _ = self._pages(path, what)
        if _marks(again) != _marks(rows):
            raise UnreadableError(f"{what}: it changed while its pages were read; nothing is decided on it")
        return again

    def _pages(self, path: str, what: str) -> tuple[list[Any], int]:
        """All rows over all pages, and how many pages; the count must match, else the list is unusable."""
        url, rows, seen, counts = self._caller.url + path, list[Any](), set[str](), set[int]()
        began, size = time.monotonic(), 0
        while True:
            seen.add(url)
            body = self._read(url, what).body
            size += len(body)
            if size > MAX_BODY or time.monotonic() - began > _LONGEST_LISTING.total_seconds():
                raise UnreadableError(f"{what}: {len(seen)} pages are too large or took too long; nothing is decided")
            page: Page = self._parsed(lambda body, _: parse_page(body), body, what)
            rows += page.rows
            counts.add(page.count)
            if page.next is None or len(counts) > 1:
                break
            if not page.rows:
                raise UnreadableError(f"{what}: an empty page says that there are more; not followed")
            url = self._following(url, page.next, seen, what)
        if len(rows) != page.count or len(counts) > 1:
            raise UnreadableError(f"{what}: count says {page.count}, but {len(rows)} rows came; not a complete list")
        return rows, len(seen)

    def _following(self, url: str, link: str, seen: set[str], what: str) -> str:
        """Where the next page is; a link to another origin, in a circle or without end is not followed (S10)."""
        try:
            following = urljoin(url, link)
            if origin_of(following) == origin_of(url) and following not in seen and len(seen) < _MOST_PAGES:
                return following
        except ValueError:
            pass
        raise UnreadableError(
            f"{what}: the next page is said to be at {self._caller.shown(link.encode())}; not followed"
        )

    def _parsed(self, parse: Callable[[Any, str], Answer], value: Any, where: str) -> Answer:
        try:
            return parse(value, where)
        except MalformedError as error:
            shown = f"; it began {self._caller.shown(value)}" if isinstance(value, bytes) else ""
            raise UnreadableError(f"{where}: {error}{shown}; is api.url right?") from None

    def _read(self, path: str, what: str) -> Reply:
        reply = self._caller.send("GET", path, what)
        if reply.status != 200:
            raise UnreadableError(self._caller.said(what, reply, "is api.url right?"))
        return reply


def _marks(rows: list[Any]) -> list[Any]:
    """What of the rows must not change while their pages are read; a status may."""
    return [[row.get(key) for key in ("id", "server", "name")] if isinstance(row, dict) else row for row in rows]


def _segment(snapshot_id: Id) -> str:
    """An id as one segment of a path, whatever characters it has."""
    return quote(str(snapshot_id), safe="")
