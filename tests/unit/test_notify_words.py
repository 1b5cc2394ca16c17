"""What a message says, to people and to programs."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from rotator.notify.alerts import News
from rotator.notify.seen import subject_of
from rotator.notify.words import ACCOUNT, CONFIGURATION, REFUSED, REJECTED, UNREACHABLE, Server, message, trial
from rotator.standing import Trouble
from rotator.state.alerts import AlertNote
from tests.builders import WEB
from tests.conftest import NOW

HOUR = timedelta(hours=1)
SERVERS = {subject_of(WEB): Server(WEB, "web-server-01")}


def note(trouble: str = "failing", text: str = "the list fails", subject: str | None = None) -> AlertNote:
    return AlertNote(subject or subject_of(WEB), trouble, text, since=NOW - HOUR, told_at=NOW)


def written(*notes: AlertNote, news: News = News.RAISED, servers: dict[str, Server] | None = None) -> tuple[str, str]:
    made = message(news, notes, servers or SERVERS, NOW, message_id="m1", host="backup-1")
    return made.title, made.text


def test_a_trouble_is_told_with_server_cause_time_and_remedy() -> None:
    title, text = written(note())
    assert title == "rotator: web-server-01 is failing"
    assert "- web-server-01 (12345): failing since 2026-11-23 01:00:00Z: the list fails" in text
    assert "What to do:\n- failing: rotator keeps trying" in text
    assert text.endswith("rotator on backup-1")


def test_an_end_is_told_with_how_long_it_lasted_and_without_advice() -> None:
    title, text = written(note("blocked"), news=News.CLEARED)
    assert title == "rotator: web-server-01 is no longer blocked"
    assert "- web-server-01 (12345): no longer blocked (since 2026-11-23 01:00:00Z, for 60m)" in text
    assert "What to do" not in text


def test_a_reminder_says_still() -> None:
    assert written(note("stale"), news=News.REMINDER)[0] == (
        "rotator: web-server-01 is still without a fresh restore point"
    )


@pytest.mark.parametrize(
    ("subject", "trouble", "title"),
    [
        (ACCOUNT, UNREACHABLE, "rotator: the API is unreachable"),
        (ACCOUNT, REFUSED, "rotator: the API is refusing the token"),
        (CONFIGURATION, REJECTED, "rotator: the new configuration is rejected"),
    ],
)
def test_trouble_that_is_no_servers_has_a_name_too(subject: str, trouble: str, title: str) -> None:
    assert written(note(trouble, subject=subject))[0] == title


def test_different_troubles_of_one_server_are_one_message() -> None:
    title, text = written(note("failing"), note("stale", "the newest restore point is 3d old"))
    assert title == "rotator: web-server-01 is in trouble"
    assert text.count("- web-server-01 (12345): ") == 2


def test_of_a_thousand_servers_the_number_and_the_first_twenty_are_told() -> None:
    servers = {subject_of(number): Server(number, f"server-{number}") for number in range(1000)}
    notes = [note(subject=subject_of(number)) for number in range(1000)]
    made = message(News.RAISED, notes, servers, NOW, message_id="m1", host="backup-1")
    assert made.title == "rotator: 1,000 servers are failing"
    assert made.text.count("the list fails") == 20
    assert "- and 980 more: `rotator status` shows them all" in made.text
    event = json.loads(made.event)
    assert (event["count"], len(event["events"])) == (1000, 20)
    assert len(made.event) < 20_000


def test_a_name_or_an_answer_cannot_move_a_cursor_or_grow_without_bound() -> None:
    servers = {subject_of(WEB): Server(WEB, "web\x1b[2J")}
    title, text = written(note(text="x" * 5000 + "\x1b"), servers=servers)
    assert "\x1b" not in title + text
    assert len(text) < 1000


def test_the_form_for_programs_has_everything() -> None:
    made = message(News.RAISED, [note()], SERVERS, NOW, message_id="m1", host="backup-1")
    assert json.loads(made.event) == {
        "version": 1,
        "id": "m1",
        "sent_at": "2026-11-23T02:00:00+00:00",
        "kind": "raised",
        "title": made.title,
        "text": made.text,
        "count": 1,
        "events": [
            {
                "subject": "server",
                "server_id": WEB,
                "server": "web-server-01",
                "kind": "failing",
                "text": "the list fails",
                "since": "2026-11-23T01:00:00+00:00",
            }
        ],
        "host": "backup-1",
    }


def test_a_test_has_the_same_keys_as_a_real_message() -> None:
    real = json.loads(message(News.RAISED, [note()], SERVERS, NOW, message_id="m1", host="h").event)
    test = json.loads(trial(NOW, message_id="m2", host="h").event)
    assert test.keys() == real.keys()
    assert (test["kind"], test["events"]) == ("test", [])


@pytest.mark.parametrize("trouble", [*Trouble, UNREACHABLE, REFUSED, REJECTED])
def test_there_is_advice_for_every_trouble(trouble: str) -> None:
    advice = written(note(trouble))[1].partition("What to do:\n")[2].partition("\n\n")[0]
    assert re.fullmatch(r"- [a-z ]+: .{30,}", advice)


def test_advice_comes_once_for_each_kind_and_names_the_first_server_that_has_it() -> None:
    servers = {subject_of(number): Server(number, f"server {number}") for number in range(3)}
    notes = [
        note("stale", subject=subject_of(1)),
        note("held", subject=subject_of(2)),
        note("stale", subject=subject_of(0)),
    ]
    text = written(*notes, servers=servers)[1]
    assert text.count("`rotator plan --server 'server 1'`") == text.count("`rotator prune --server 'server 2'`") == 1
    assert text.index("rotator plan") < text.index("rotator prune")


def test_a_trouble_that_another_version_of_rotator_noted_is_told_without_advice() -> None:
    text = written(note("haunted"))[1]
    assert "haunted since" in text
    assert "What to do" not in text


def test_advice_without_a_server_of_that_name_leaves_the_place_open() -> None:
    assert "--server NAME" in written(note("held", subject="server:gone"))[1]
