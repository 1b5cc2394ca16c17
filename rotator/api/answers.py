"""The API's JSON → values, field by field: anything not as documented is named, never guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rotator.model import Id, Snapshot, opaque_id


class MalformedError(Exception):
    """Where an answer is not as documented, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the account, as `GET /servers/` shows it."""

    id: Id
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Account:
    """Whose token it is, and what the token may do, as `GET /account/me/` shows it."""

    email: str
    token_name: str
    permissions: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the rows as they came, how many there are in all, and where the next page is."""

    count: int
    rows: list[Any]
    next: str | None


def parse_json(body: bytes) -> Mapping[str, Any]:
    """The JSON object in `body`; raises MalformedError for anything else."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON ({error or 'nested too deep'})") from None
    return _object(value, "the answer")


def parse_page(body: bytes) -> Page:
    """One page of a list of anything."""
    value = parse_json(body)
    count, rows, link = value.get("count"), value.get("results"), value.get("next")
    if not isinstance(count, int) or isinstance(count, bool):
        raise MalformedError(f"count is {count!r}, not a whole number")
    if not isinstance(rows, list):
        raise MalformedError("results is not a list")
    if link is not None and not isinstance(link, str):
        raise MalformedError(f"next is {link!r}, not a link")
    return Page(count, rows, link or None)


def parse_snapshot(value: Any, where: str) -> Snapshot:
    """One snapshot; unknown fields are ignored, an unknown status is kept as it is."""
    row = _object(value, where)
    server = _object(_field(row, "server", where), f"{where}.server")
    size = row.get("size_mb")
    return Snapshot(
        id=_id(row, where),
        server_id=_id(server, f"{where}.server"),
        server_name=_text(server, "name", f"{where}.server"),
        name=_text(row, "name", where),
        status=_text(row, "status", where),
        created_at=_time(row, "created_at", where),
        size_mb=size if isinstance(size, int) and not isinstance(size, bool) else None,
        description=row["description"] if isinstance(row.get("description"), str) else "",
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
    """The account; permissions are shown to a person only, so their form does not matter."""
    value = parse_json(body)
    account, token = _object(value.get("account"), "account"), _object(value.get("token"), "token")
    permissions = token.get("permissions")
    listed = ", ".join(map(str, permissions)) if isinstance(permissions, list) else json.dumps(permissions)
    return Account(_text(account, "email", "account"), str(token.get("name", "")), listed)


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
    if isinstance(value, bool) or not isinstance(value, int | str) or value in ("", ".", ".."):
        raise MalformedError(f"{where}.id is {value!r}, not an id")
    return opaque_id(value)


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = _field(row, key, where)
    if not isinstance(value, str):
        raise MalformedError(f"{where}.{key} is {value!r}, not text")
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
    raise MalformedError(f"{where}.{key} is {text!r}, not a time with a zone")
