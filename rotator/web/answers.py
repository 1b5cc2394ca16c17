"""HTTP answers: a status, a body and the headers that keep a browser from doing anything else with it."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

_WORTH_PACKING = 1024

POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
"""Only the page's own style and script; nothing inline, nothing from elsewhere, in no frame."""

_ALWAYS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Vary", "Accept-Encoding"),
)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent; `kept` is how long a browser may keep it (the words of Cache-Control)."""

    status: int
    body: bytes
    kind: str = "text/plain; charset=utf-8"
    more: Headers = ()
    kept: str = "no-store"

    @property
    def line(self) -> str:
        """The status with its name, as WSGI wants it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"

    def headers(self) -> Headers:
        """Everything besides the body."""
        own = (("Content-Type", self.kind), ("Content-Length", str(len(self.body))), ("Cache-Control", self.kept))
        return (*own, *_ALWAYS, *self.more)


def words(status: int, text: str, *more: tuple[str, str]) -> Answer:
    """A plain sentence."""
    return Answer(status, f"{text}\n".encode(), more=more)


def document(status: int, value: Any) -> Answer:
    """A JSON document."""
    body = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    return Answer(status, body, "application/json")


def packed(answer: Answer) -> Answer:
    """The same, compressed where that is worth it."""
    if len(answer.body) < _WORTH_PACKING:
        return answer
    body = gzip.compress(answer.body, compresslevel=4, mtime=0)
    return replace(answer, body=body, more=(*answer.more, ("Content-Encoding", "gzip")))


def accepts_gzip(header: str) -> bool:
    """Whether Accept-Encoding asks for gzip."""
    for item in header.lower().split(","):
        name, _, quality = item.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
