"""The documented calls: from a request that was read to the answer to be written; knows no socket."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hmac import compare_digest
from typing import Any

from rotator.model import Id, opaque_id
from rotator.sandbox.cloud import Cloud, Refusal

ROOT = "/api/v1"

_WITH_ID = re.compile(rf"{ROOT}/snapshots/([^/]+)(/|/restore/)")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was read; `number` counts from 1, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    number: int = 1
    version: str = "HTTP/1.1"

    @property
    def route(self) -> str:
        """The documented path it belongs to, such as `/snapshots/{id}/`; `other` for any other path."""
        return _route(self.path)[0]

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to use the connection again."""
        return self.version == "HTTP/1.1" and self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client, and what goes wrong on the way there.

    - `Answer(502, body=b"<html>")` answers without the request having had any effect.
    - `Answer(drop=True)` resets the connection instead of answering.
    - With `process`, the request takes effect first; without a `status`, its usual answer then goes out.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Besides the usual ones, which they replace; a `Content-Length` may be a lie."""
    body: bytes | Iterable[bytes] = b""
    """Pieces go out one by one, without a `Content-Length`; they may never end."""
    process: bool = False
    drop: bool = False
    delay: timedelta = timedelta(0)
    """Passes before the answer, after the request took effect."""
    pause: timedelta = timedelta(0)
    """Passes before every piece of the body; `bytes` then go out byte by byte."""

    def __post_init__(self) -> None:
        if self.status is None and not (self.process or self.drop):
            raise ValueError("an answer needs a status, unless the request is processed or the connection dropped")


def process(cloud: Cloud, token: str, request: Request) -> Answer:
    """Do what the request asks of the account and answer as the API document says."""
    try:
        _authenticate(request, token)
        return _call_of(request)(cloud, request)
    except Refusal as refusal:
        return refused(refusal)


def refused(refusal: Refusal) -> Answer:
    """The answer that says no."""
    return _json({"detail": refusal.message}, refusal.status, refusal.headers)


def _authenticate(request: Request, token: str) -> None:
    given = request.headers.get("authorization", "")
    if not compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Refusal(401, "token missing or invalid", {"WWW-Authenticate": "Bearer"})


def _call_of(request: Request) -> _Call:
    calls = _CALLS.get(request.route)
    if calls is None:
        raise Refusal(404, "no such path")
    if request.method not in calls:
        raise Refusal(405, f"method {request.method} not allowed", {"Allow": ", ".join(calls)})
    return calls[request.method]


def _route(path: str) -> tuple[str, str]:
    if match := _WITH_ID.fullmatch(path):
        return f"/snapshots/{{id}}{match[2]}", match[1]
    route = path.removeprefix(ROOT)
    return (route if route != path and route in _CALLS else "other"), ""


def _list_snapshots(cloud: Cloud, request: Request) -> Answer:
    text = request.query.get("server_id")
    server_id = None if text is None else _server_id(cloud, opaque_id(text))
    return Answer(200, _JSON, cloud.snapshots_json(server_id))


def _create_snapshot(cloud: Cloud, request: Request) -> Answer:
    fields = _fields(request.body)
    server_id = _server_id(cloud, fields.get("server_id"))
    name, description = fields.get("name"), fields.get("description", "")
    if not isinstance(name, str) or not isinstance(description, str):
        raise Refusal(400, "name (required) and description must be strings")
    return _json(cloud.create(server_id, name, description), 201)


def _restore_snapshot(cloud: Cloud, request: Request) -> Answer:
    return _json(cloud.restore(_snapshot_id(request)))


def _delete_snapshot(cloud: Cloud, request: Request) -> Answer:
    cloud.delete(_snapshot_id(request))
    return Answer(204)


def _list_servers(cloud: Cloud, request: Request) -> Answer:
    return _json(cloud.servers(request.query.get("status"), request.query.get("location")))


def _show_account(cloud: Cloud, _request: Request) -> Answer:
    return _json(cloud.account())


_Call = Callable[[Cloud, Request], Answer]
_CALLS: dict[str, dict[str, _Call]] = {
    "/snapshots/": {"GET": _list_snapshots, "POST": _create_snapshot},
    "/snapshots/{id}/": {"DELETE": _delete_snapshot},
    "/snapshots/{id}/restore/": {"POST": _restore_snapshot},
    "/servers/": {"GET": _list_servers},
    "/account/me/": {"GET": _show_account},
}


def _snapshot_id(request: Request) -> Id:
    return opaque_id(_route(request.path)[1])


def _server_id(cloud: Cloud, value: object) -> Id:
    """An integer, as documented; text only when it is the id of a server, as another client's UUIDs are."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and cloud.has_server(value):
        return value
    raise Refusal(400, "server_id must be an integer")


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(fields, dict):
        raise Refusal(400, "the body must be a JSON object")
    return fields


_JSON = {"Content-Type": "application/json"}


def _json(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, {**_JSON, **(headers or {})}, json.dumps(value).encode())
