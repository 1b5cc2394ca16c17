"""The API's answers field by field: what is documented becomes a value, anything else is named with its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

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
)
from rotator.model import Server, Snapshot, State

MISSING = object()
UUID = "f3b9a2d0-6f4e-4c60-9c3c-0d8a2f3d5b11"


def documented() -> dict[str, Any]:
    """The snapshot of the API document."""
    return {
        "id": 801,
        "server": {"id": 12345, "name": "web-server-01"},
        "name": "weekly-snapshot-2025-01-08",
        "status": "completed",
        "size_mb": 5120,
        "created_at": "2025-01-15T18:30:00Z",
        "description": "Weekly snapshot",
    }


def changed(path: str, value: object) -> dict[str, Any]:
    """The documented snapshot with one field replaced, or removed."""
    row = documented()
    *parents, last = path.split(".")
    place = row
    for parent in parents:
        place = place[parent]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return row


def complaint(value: object) -> str:
    with pytest.raises(MalformedError) as caught:
        parse_snapshot(value, "results[3]")
    return str(caught.value)


class TestSnapshot:
    def test_the_documented_example_is_read_completely(self) -> None:
        assert parse_snapshot(documented(), "snapshot") == Snapshot(
            id=801,
            server_id=12345,
            server_name="web-server-01",
            name="weekly-snapshot-2025-01-08",
            status="completed",
            created_at=datetime(2025, 1, 15, 18, 30, tzinfo=UTC),
            size_mb=5120,
            description="Weekly snapshot",
        )

    def test_unknown_fields_are_ignored(self) -> None:
        row = documented() | {"message": "Snapshot creation started", "progress": [1, {"a": None}]}
        row["server"]["region"] = 7
        assert parse_snapshot(row, "snapshot") == parse_snapshot(documented(), "snapshot")

    @pytest.mark.parametrize("path", ["id", "server", "server.id", "server.name", "name", "status", "created_at"])
    def test_a_missing_field_is_named_with_its_place(self, path: str) -> None:
        assert complaint(changed(path, MISSING)) == f"results[3].{path} is missing"

    @pytest.mark.parametrize(
        ("path", "value", "words"),
        [
            ("id", None, "results[3].id is None, not an id"),
            ("id", True, "results[3].id is True, not an id"),
            ("id", False, "results[3].id is False, not an id"),
            ("id", 801.0, "results[3].id is 801.0, not an id"),
            ("id", "", "results[3].id is '', not an id"),
            ("id", ".", "results[3].id is '.', not an id"),
            ("id", "..", "results[3].id is '..', not an id"),
            ("id", [801], "results[3].id is [801], not an id"),
            ("id", "\ud800", "results[3].id is '\\ud800', not an id"),
            ("server", None, "results[3].server is not an object"),
            ("server", 12345, "results[3].server is not an object"),
            ("server", [], "results[3].server is not an object"),
            ("server.id", True, "results[3].server.id is True, not an id"),
            ("server.id", 1e400, "results[3].server.id is inf, not an id"),
            ("server.name", None, "results[3].server.name is None, not text"),
            ("name", 7, "results[3].name is 7, not text"),
            ("name", "half \udfff pair", "results[3].name is 'half \\udfff pair', not text"),
            ("status", None, "results[3].status is None, not text"),
            ("status", ["completed"], "results[3].status is ['completed'], not text"),
            ("created_at", 1736965800, "results[3].created_at is 1736965800, not text"),
            ("created_at", True, "results[3].created_at is True, not text"),
        ],
    )
    def test_a_wrong_type_is_named_with_its_place_and_value(self, path: str, value: object, words: str) -> None:
        assert complaint(changed(path, value)) == words

    @pytest.mark.parametrize("value", [None, 7, "text", [], [documented()]])
    def test_a_row_that_is_no_object_is_refused(self, value: object) -> None:
        assert complaint(value) == "results[3] is not an object"

    @pytest.mark.parametrize("status", ["", "restoring", "COMPLETED", "completed ", "archivé", "deleted"])
    def test_an_unknown_status_is_kept_as_it_is_and_means_unknown(self, status: str) -> None:
        snapshot = parse_snapshot(changed("status", status), "snapshot")
        assert (snapshot.status, snapshot.state) == (status, State.UNKNOWN)

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            (801, 801),
            ("801", 801),
            (0, 0),
            (-1, -1),
            ("-1", "-1"),
            ("0801", "0801"),
            ("٨٠١", "٨٠١"),
            (UUID, UUID),
            ("...", "..."),
            ("a/b ?#%", "a/b ?#%"),
            (10**40, 10**40),
            (str(10**40), 10**40),
            ("9" * 1_000, int("9" * 1_000)),
        ],
    )
    def test_ids_are_opaque_but_one_value_per_id(self, written: object, meant: object) -> None:
        row = changed("id", written)
        row["server"]["id"] = written
        snapshot = parse_snapshot(row, "snapshot")
        assert (snapshot.id, snapshot.server_id) == (meant, meant)
        assert type(snapshot.id) is type(meant)

    @pytest.mark.parametrize("digits", [1_001, 5_000, 1_000_000])
    def test_an_id_without_end_is_refused_in_few_words(self, digits: int) -> None:
        assert len(complaint(changed("id", "9" * digits))) < 200

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            (None, None),
            ("2025-01-15T18:30:00Z", datetime(2025, 1, 15, 18, 30, tzinfo=UTC)),
            ("2025-01-15T18:30:00.123456Z", datetime(2025, 1, 15, 18, 30, 0, 123456, tzinfo=UTC)),
            ("2025-01-15T18:30:00.123456789Z", datetime(2025, 1, 15, 18, 30, 0, 123456, tzinfo=UTC)),
            ("2025-01-15T19:30:00+01:00", datetime(2025, 1, 15, 18, 30, tzinfo=UTC)),
            ("2025-01-15 18:30:00+00:00", datetime(2025, 1, 15, 18, 30, tzinfo=UTC)),
            ("2025-01-16T05:15:00+10:45", datetime(2025, 1, 15, 18, 30, tzinfo=UTC)),
            ("20250115T183000Z", datetime(2025, 1, 15, 18, 30, tzinfo=UTC)),
        ],
    )
    def test_a_time_with_a_zone_becomes_utc(self, written: str | None, meant: datetime | None) -> None:
        created_at = parse_snapshot(changed("created_at", written), "snapshot").created_at
        assert created_at == meant
        assert created_at is None or created_at.tzinfo is UTC

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "yesterday",
            "2025-01-15",
            "2025-01-15T18:30:00",
            "2025-13-15T18:30:00Z",
            "2025-02-30T18:30:00Z",
            "2025-01-15T25:30:00Z",
            "2025-01-15T18:30:61Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "10000-01-01T00:00:00Z",
            "2025-01-15T18:30:00+25:00",
            "Wed, 15 Jan 2025 18:30:00 GMT",
        ],
    )
    def test_any_other_time_is_refused_not_guessed(self, text: str) -> None:
        words = complaint(changed("created_at", text))
        assert words == f"results[3].created_at is {text!r}, not a time with a zone"

    @pytest.mark.parametrize("size", [None, True, 5120.5, "5120", [], MISSING])
    def test_a_size_that_is_no_whole_number_is_unknown(self, size: object) -> None:
        assert parse_snapshot(changed("size_mb", size), "snapshot").size_mb is None

    @pytest.mark.parametrize("description", [None, 7, ["text"], "\ud800", MISSING])
    def test_a_description_that_is_no_text_is_empty(self, description: object) -> None:
        assert parse_snapshot(changed("description", description), "snapshot").description == ""

    def test_a_complaint_stays_short_whatever_stands_there(self) -> None:
        deep: Any = "end"
        for _ in range(900):
            deep = [deep]
        for value in ["x" * 10**6, deep, [[1] * 1_000] * 1_000, {str(n): n for n in range(10_000)}]:
            assert len(complaint(changed("id", value))) < 1_000


class TestServerOfARow:
    @pytest.mark.parametrize(("written", "meant"), [(12345, 12345), ("12345", 12345), (UUID, UUID)])
    def test_is_known_even_where_the_rest_cannot_be_read(self, written: object, meant: object) -> None:
        assert row_server({"server": {"id": written}, "id": None}) == meant

    @pytest.mark.parametrize(
        "row", [None, [], "text", {}, {"server": None}, {"server": 12345}, {"server": {}}, {"server": {"id": True}}]
    )
    def test_is_none_where_not_even_that_can_be_read(self, row: object) -> None:
        assert row_server(row) is None


class TestJson:
    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "not JSON (Expecting value"),
            (b"<html><h1>502 Bad Gateway</h1>", "not JSON (Expecting value"),
            (b'{"count": 1, "res', "not JSON (Unterminated string"),
            (b'{"count": 1,}', "not JSON ("),
            (b'{"count": 1} trailing', "not JSON (Extra data"),
            (b'{"count": NaN}', "not JSON (NaN is not JSON)"),
            (b'{"count": -Infinity}', "not JSON (-Infinity is not JSON)"),
            (b'{"name": "\xff"}', "not JSON ('utf-8' codec can't decode"),
            (b'{"name": "a\nb"}', "not JSON (Invalid control character"),
            (b'{"count": 1' + b"0" * 5_000 + b"}", "not JSON (Exceeds the limit"),
            (b'{"a":' * 100_000, "not JSON ("),
            (b"[" * 100_000 + b"]" * 100_000, "not JSON ("),
            (b"[]", "the answer is not an object"),
            (b"null", "the answer is not an object"),
            (b'"count"', "the answer is not an object"),
            (b"7", "the answer is not an object"),
        ],
    )
    def test_anything_but_an_object_is_refused_with_the_reason(self, body: bytes, words: str) -> None:
        with pytest.raises(MalformedError) as caught:
            parse_json(body)
        assert str(caught.value).startswith(words)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_an_object_is_read_in_utf_8_with_and_without_a_byte_order_mark(self, encoding: str) -> None:
        assert parse_json('{"name": "é"}'.encode(encoding)) == {"name": "é"}

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
    def test_no_other_encoding_is_read_since_the_token_is_looked_for_in_utf_8(self, encoding: str) -> None:
        with pytest.raises(MalformedError, match=r"^not JSON"):
            parse_json('{"name": "é"}'.encode(encoding))


class TestPage:
    def test_has_the_count_the_rows_and_the_link_to_the_next(self) -> None:
        body = b'{"count": 3, "results": [1, null, {}], "next": "?page=2", "previous": null}'
        assert parse_page(body) == Page(3, [1, None, {}], "?page=2")

    @pytest.mark.parametrize("link", ["", ', "next": null', ', "next": ""'])
    def test_without_a_link_is_the_last(self, link: str) -> None:
        assert parse_page(f'{{"count": 0, "results": []{link}}}'.encode()) == Page(0, [], None)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("{}", "count is None, not a whole number"),
            ('{"results": []}', "count is None, not a whole number"),
            ('{"count": "1", "results": []}', "count is '1', not a whole number"),
            ('{"count": 1.0, "results": []}', "count is 1.0, not a whole number"),
            ('{"count": 1e999, "results": []}', "count is inf, not a whole number"),
            ('{"count": true, "results": []}', "count is True, not a whole number"),
            ('{"count": 0}', "results is not a list"),
            ('{"count": 0, "results": null}', "results is not a list"),
            ('{"count": 0, "results": {}}', "results is not a list"),
            ('{"count": 0, "results": [], "next": 2}', "next is 2, not a link"),
            ('{"count": 0, "results": [], "next": false}', "next is False, not a link"),
            ('{"count": 0, "results": [], "next": "/\\ud800"}', "next is '/\\ud800', not a link"),
        ],
    )
    def test_that_is_not_as_documented_is_refused(self, body: str, words: str) -> None:
        with pytest.raises(MalformedError) as caught:
            parse_page(body.encode())
        assert str(caught.value) == words

    def test_a_complaint_about_a_deep_count_does_not_end_in_a_recursion(self) -> None:
        depths = range(1, 1_100)
        for depth in depths:
            with pytest.raises(MalformedError):
                parse_page(b'{"results": [], "count": ' + b"[" * depth + b"]" * depth + b"}")


class TestServer:
    def test_is_read(self) -> None:
        row = {"id": "12345", "name": "web-server-01", "status": "active", "plan": None}
        assert parse_server(row, "results[0]") == Server(12345, "web-server-01", "active")

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ([], "results[0] is not an object"),
            ({"name": "a", "status": "active"}, "results[0].id is missing"),
            ({"id": 1, "status": "active"}, "results[0].name is missing"),
            ({"id": 1, "name": "a", "status": None}, "results[0].status is None, not text"),
        ],
    )
    def test_that_is_not_as_documented_is_refused(self, row: object, words: str) -> None:
        with pytest.raises(MalformedError) as caught:
            parse_server(row, "results[0]")
        assert str(caught.value) == words


class TestAccount:
    @pytest.mark.parametrize(
        ("permissions", "taken"),
        [
            (["read", "write"], ("read", "write")),
            ([], ()),
            ("all", ("all",)),
            (None, ()),
            ({"read": True}, ("{'read': True}",)),
            (["read", 7, None], ("read", "7", "None")),
            (["\ud800"], ("'\\ud800'",)),
        ],
    )
    def test_takes_permissions_of_any_form(self, permissions: object, taken: tuple[str, ...]) -> None:
        body = {"account": {"email": "a@example.org"}, "token": {"name": "ci", "permissions": permissions}}
        assert parse_account(json.dumps(body).encode()) == Account("a@example.org", "ci", taken)

    def test_shows_a_token_without_a_name(self) -> None:
        assert parse_account(b'{"account": {"email": "a"}, "token": {}}') == Account("a", "", ())

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("{}", "account is not an object"),
            ('{"account": {"email": "a"}}', "token is not an object"),
            ('{"account": {}, "token": {}}', "account.email is missing"),
            ('{"account": {"email": null}, "token": {}}', "account.email is None, not text"),
        ],
    )
    def test_that_is_not_as_documented_is_refused(self, body: str, words: str) -> None:
        with pytest.raises(MalformedError) as caught:
            parse_account(body.encode())
        assert str(caught.value) == words
