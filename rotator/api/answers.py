"""The API's JSON → values, field by field: anything not as documented is named, never guessed."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from rotator.model import Id, Server, Snapshot, opaque_id

_LONGEST_ID = 1_000
_MOST_VALUES = 2_000_000
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxlong = _repr.maxother = 80


class MalformedError(Exception):
    """Where an answer is not as documented, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose token it is, and what the token may do, as `GET /account/me/` shows it."""

    email: str
    token_name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the rows as they came, how many there are in all, and where the next page is."""

    count: int
    rows: list[Any]
    next: str | None


def parse_json(body: bytes) -> Mapping[str, Any]:
    """The JSON object in `body`; raises MalformedError for anything else, also for one that would fill the memory.

    A value of three bytes takes up to 200 in memory; 100,000 snapshots as documented are one million values.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise MalformedError(f"more than {_MOST_VALUES:,} values")
    try:
        # Left to itself, json would also take UTF-16, in which no token has been looked for.
        value = json.loads(body.decode("utf-8-sig", "surrogatepass"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        # What Python says of a number of too many digits ends with advice to programmers.
        raise MalformedError(f"not JSON ({str(error).partition(';')[0] or 'nested too deep'})") from None
    return _object(value, "the answer")


def parse_page(body: bytes) -> Page:
    """One page of a list of anything."""
    value = parse_json(body)
    count, rows, link = value.get("count"), value.get("results"), value.get("next")
    if not isinstance(count, int) or isinstance(count, bool):
        raise MalformedError(f"count is {shortened(count)}, not a whole number")
    if not isinstance(rows, list):
        raise MalformedError("results is not a list")
    if link is not None and not _is_text(link):
        raise MalformedError(f"next is {shortened(link)}, not a link")
    return Page(count, rows, link or None)


def parse_snapshot(value: Any, where: str) -> Snapshot:
    """One snapshot; unknown fields are ignored, an unknown status is kept as it is."""
    row = _object(value, where)
    server = _object(_field(row, "server", where), f"{where}.server")
    size, description = row.get("size_mb"), row.get("description")
    return Snapshot(
        id=_id(row, where),
        server_id=_id(server, f"{where}.server"),
        server_name=_text(server, "name", f"{where}.server"),
        name=_text(row, "name", where),
        status=_text(row, "status", where),
        created_at=_time(row, "created_at", where),
        size_mb=size if isinstance(size, int) and not isinstance(size, bool) else None,
        description=description if _is_text(description) else "",
    )


def row_server(value: Any) -> Id | None:
    """The server a row belongs to, even where the rest of the row cannot be read; None if not even that."""
    try:
        return _id(_object(_object(value, "").get("server"), ""), "")
    except MalformedError:
        return None


def parse_server(value: Any, where: str) -> Server:
    """One server of the account."""
    row = _object(value, where)
    return Server(_id(row, where), _text(row, "name", where), _text(row, "status", where))


def parse_account(body: bytes) -> Account:
    """The account; of the token's permissions any form is taken, because nothing depends on them."""
    value = parse_json(body)
    account, token = _object(value.get("account"), "account"), _object(value.get("token"), "token")
    permissions = token.get("permissions")
    listed = permissions if isinstance(permissions, list) else [] if permissions is None else [permissions]
    return Account(_text(account, "email", "account"), _plain(token.get("name", "")), tuple(map(_plain, listed)))


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{where} is not an object")
    return value


def _field(row: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in row:
        raise MalformedError(f"{where}.{key} is missing")
    return row[key]


def _id(row: Mapping[str, Any], where: str) -> Id:
    value = _field(row, "id", where)
    if not _is_id(value):
        raise MalformedError(f"{where}.id is {shortened(value)}, not an id")
    return opaque_id(value)


def _is_id(value: Any) -> bool:
    """Whether it can stand in a path and on a terminal: no empty, dotted or unprintable text, nor of any length."""
    if isinstance(value, str):
        return value not in ("", ".", "..") and len(value) <= _LONGEST_ID and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool)


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = _field(row, key, where)
    if not _is_text(value):
        raise MalformedError(f"{where}.{key} is {shortened(value)}, not text")
    return value


def _time(row: Mapping[str, Any], key: str, where: str) -> datetime | None:
    if _field(row, key, where) is None:
        return None
    text = _text(row, key, where)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise MalformedError(f"{where}.{key} is {shortened(text)}, not a time with a zone")


def _is_text(value: Any) -> TypeGuard[str]:
    """Whether it is text that can be written anywhere: JSON allows half a surrogate pair, UTF-8 does not."""
    return isinstance(value, str) and not _HALF_PAIR.search(value)


def _plain(value: Any) -> str:
    """For a person to read, whatever it is."""
    return value if _is_text(value) else shortened(value)


def shortened(value: Any) -> str:
    """What stands there, shortened: it may be as long and as deep as the whole answer."""
    return _repr.repr(value)
