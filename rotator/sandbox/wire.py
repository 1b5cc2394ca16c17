"""HTTP/1.1 as bytes: requests read from a stream, heads of answers; knows no API and no socket."""

from __future__ import annotations

from datetime import UTC
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qsl, unquote

from rotator.sandbox.cloud import Refusal
from rotator.sandbox.routes import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_LINE_LIMIT, _HEADERS_LIMIT, _BODY_LIMIT = 16 * 1024, 100, 1024 * 1024


def read_request(stream: BinaryIO, numbers: Iterator[int]) -> Request | None:
    """The next request of a connection, None when the client closed it; a Refusal when it is no HTTP."""
    words = stream.readline(_LINE_LIMIT).decode("latin-1").split()
    if not words:
        return None
    if len(words) != 3:
        raise Refusal(400, "not an HTTP request")
    headers = _read_headers(stream)
    length = _body_length(headers)
    body = stream.read(length)
    if len(body) < length:
        return None
    method, target, version = words
    path, _, query = target.partition("?")
    fields = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
    return Request(method, unquote(path), fields, headers, body, next(numbers), version)


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := stream.readline(_LINE_LIMIT)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
        if len(headers) > _HEADERS_LIMIT:
            raise Refusal(431, "too many headers")
    return headers


def _body_length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Refusal(411, "a body needs a Content-Length here")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Refusal(400, "Content-Length is not a number")
    if int(text) > _BODY_LIMIT:
        raise Refusal(413, f"the body is longer than {_BODY_LIMIT} bytes")
    return int(text)


def answer_head(answer: Answer, now: datetime, *, keep: bool) -> bytes:
    """The status line and the headers of an answer."""
    status = answer.status or HTTPStatus.OK
    headers = {"Server": "rotator-sandbox", "Date": format_datetime(now.astimezone(UTC), usegmt=True)}
    if isinstance(answer.body, bytes) and status != HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(answer.body))
    if not keep:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {status:d} {_PHRASES.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in (headers | dict(answer.headers)).items()]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


_PHRASES = {status.value: status.phrase for status in HTTPStatus}
