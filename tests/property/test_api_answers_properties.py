"""Whatever bytes the API answers, and whatever headers, reading them gives a value or MalformedError, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from rotator.api.answers import (
    MalformedError,
    parse_account,
    parse_json,
    parse_page,
    parse_server,
    parse_snapshot,
    row_server,
)
from rotator.api.caller import Caller
from rotator.api.retry import LONGEST_WAIT, http_date, retry_after, wait_before
from rotator.model import Snapshot
from tests.conftest import NOW

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.sampled_from(["", ".", "..", "1", "9" * 5_000, "2025-01-15T18:30:00Z", "\ud800", "0001-01-01T00:00:00+14:00"])
)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3), max_leaves=8
)
FIELDS = {"id": 801, "name": "a", "status": "completed", "created_at": "2025-01-15T18:30:00Z", "size_mb": 1}
ROW = FIELDS | {"server": {"id": 1, "name": "s"}, "description": ""}


@st.composite
def nearly(draw: st.DrawFn, right: dict[str, Any]) -> Any:
    """The documented object with some fields replaced by anything, or left out."""
    made: dict[str, Any] = {}
    for key, value in right.items():
        inner = nearly(value) if isinstance(value, dict) else st.just(value)
        kind = draw(st.sampled_from(["right", "right", "right", "any", "missing"]))
        if kind != "missing":
            made[key] = draw(inner if kind == "right" else ANY_JSON)
    return made


def outcome(parse: Callable[..., object], *arguments: object) -> object:
    """What came of it; any exception but MalformedError fails the test, and so does a complaint without end."""
    try:
        return parse(*arguments)
    except MalformedError as error:
        complaint = str(error)
    assert len(complaint.encode()) < 3_000
    return None


def is_usable(snapshot: Snapshot) -> bool:
    texts = [snapshot.name, snapshot.server_name, snapshot.status, snapshot.description, str(snapshot.id)]
    return (
        all(text.encode() or True for text in texts)
        and type(snapshot.id) in (int, str)
        and type(snapshot.server_id) in (int, str)
        and snapshot.id not in ("", ".", "..")
        and (snapshot.created_at is None or snapshot.created_at.tzinfo is UTC)
    )


@given(st.binary(max_size=200) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
@example(b"\xff\xfe\x00")
@example(b"\x00\x00\xfe\xff")
@example(b'{"account": {"email": "a"}, "token": {"permissions": ' + b"[" * 900 + b"]" * 900 + b"}}")
def test_any_bytes_give_a_value_or_a_complaint(body: bytes) -> None:
    for parse in (parse_json, parse_page, parse_account):
        outcome(parse, body)


@given(ANY_JSON | nearly(ROW))
def test_any_row_gives_a_usable_snapshot_or_a_complaint(value: Any) -> None:
    snapshot = outcome(parse_snapshot, value, "results[0]")
    assert snapshot is None or (isinstance(snapshot, Snapshot) and is_usable(snapshot))


@given(ANY_JSON | nearly(ROW))
def test_any_row_belongs_to_one_server_or_to_none(value: Any) -> None:
    snapshot = outcome(parse_snapshot, value, "results[0]")
    if isinstance(snapshot, Snapshot):
        assert row_server(value) == snapshot.server_id
    else:
        assert type(row_server(value)) in (int, str, type(None))


@given(ANY_JSON | nearly({"id": 1, "name": "a", "status": "active"}))
def test_any_row_gives_a_server_or_a_complaint(value: Any) -> None:
    outcome(parse_server, value, "results[0]")


@given(nearly({"count": 1, "results": [1], "next": "?page=2"}))
def test_nearly_a_page_gives_a_page_or_a_complaint(value: Any) -> None:
    outcome(parse_page, json.dumps(value).encode())


@given(nearly({"account": {"email": "a"}, "token": {"name": "a", "permissions": ["read"]}}))
def test_nearly_an_account_gives_an_account_or_a_complaint(value: Any) -> None:
    outcome(parse_account, json.dumps(value).encode())


DATE_WORDS = [
    "Fri,",
    "31",
    "Dec",
    "9999",
    "0001",
    "23:59:59",
    "-2300",
    "+9999",
    "GMT",
    "99999999999999999999",
    "(",
    ":",
]
ANY_HEADER = ANY_TEXT | st.lists(st.sampled_from(DATE_WORDS), max_size=8).map(" ".join)


@given(ANY_HEADER, st.integers(2, 10), st.floats(0, 1, exclude_max=True))
def test_any_retry_after_gives_a_wait_within_bounds(value: str, attempt: int, jitter: float) -> None:
    assert retry_after(value, NOW) is None or isinstance(retry_after(value, NOW), timedelta)
    assert timedelta(0) <= wait_before(attempt, {"Retry-After": value}, NOW, jitter) <= LONGEST_WAIT


@given(ANY_HEADER)
def test_any_date_header_gives_an_instant_in_utc_or_none(value: str) -> None:
    moment = http_date(value)
    assert moment is None or moment.tzinfo is UTC


@given(st.binary(max_size=1_000))
def test_the_beginning_of_any_body_is_one_short_printable_line(body: bytes) -> None:
    caller = Caller("http://127.0.0.1:1", "s3cr3t", timeout=timedelta(seconds=1), clock=lambda: NOW)
    line = caller.shown(body)
    assert line.isprintable()
    assert len(line) < 2_000
