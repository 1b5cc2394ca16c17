"""An account served by hand, and a configuration for it: the ground on which a server can mean ill."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.program import TOKEN
from tests.hostile import Behaviour, Peer, answering, http

EMPTY = b'{"count": 0, "results": []}'


def drip(start: bytes, drop: bytes) -> Behaviour:
    """The start at once, then a drop now and then, so that the socket's own time-out never comes."""

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        while True:
            peer.send(drop)
            peer.pause(0.4)

    return behave


def listed(*rows: object, **fields: object) -> bytes:
    return http(200, json.dumps({"count": len(rows), "results": rows} | fields).encode())


def row(snapshot_id: object = 801, server_id: object = 12345, **fields: object) -> dict[str, Any]:
    return {
        "id": snapshot_id,
        "server": {"id": server_id, "name": "web-server-01"},
        "name": "by-hand",
        "status": "completed",
        "size_mb": 1,
        "created_at": "2026-01-01T00:00:00Z",
        "description": "",
    } | fields


def body(data: bytes) -> Behaviour:
    return answering(http(200, data))


def configured(home: Path, url: str, *server_ids: int, timeout: str = "1s") -> Path:
    """A configuration with one due slot for each server, made in a home that has a token."""
    home.mkdir(parents=True, exist_ok=True)
    token = home / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    slot = datetime.now(UTC) - timedelta(hours=1)
    rules = {"schedule": f"every day at {slot:%H:%M}"}
    servers = [{"id": each, "name": f"server-{each}", **rules} for each in server_ids or (12345,)]
    api = {"url": url, "token_file": str(token), "timeout": timeout}
    config = home / "config.yaml"
    config.write_text(json.dumps({"api": api, "timing": {"poll_interval": "200ms"}, "servers": servers}))
    return config


class Api:
    """An account of one server, in which everything is as it should be but what a test replaces."""

    def __init__(self, **instead: bytes) -> None:
        self.rows: list[dict[str, Any]] = []
        self.instead = instead

    def __call__(self, peer: Peer) -> None:
        while True:
            peer.send(self._answer(peer.request()))

    def _answer(self, request: bytes) -> bytes:
        method, target, _ = request.split(b"\r\n")[0].decode().split(" ")
        if method in self.instead:
            return self.instead[method]
        if method == "POST":
            asked = json.loads(request.partition(b"\r\n\r\n")[2])
            made = row(900, asked["server_id"], name=asked["name"], status="in_progress", created_at=_now())
            self.rows.append(made | {"status": "completed"})
            return http(201, json.dumps(made).encode())
        if "/servers/" in target:
            return listed({"id": 12345, "name": "server-12345", "status": "active"})
        if "/account/" in target:
            return http(200, b'{"account": {"email": "a@example.org"}, "token": {"name": "t", "permissions": []}}')
        return listed(*self.rows)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
