"""Writes messages: in plain words for people, and as JSON for programs; sends nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rotator.model import Id
from rotator.naming import printable
from rotator.notify.alerts import News
from rotator.planner.words import instant
from rotator.standing import Trouble, remedy
from rotator.standing.words import age
from rotator.state.alerts import AlertNote

MOST = 20
"""Troubles that one message shows; of the others it gives the number."""

_LONGEST = 400

ACCOUNT = "account"
CONFIGURATION = "configuration"
UNREACHABLE = "unreachable"
REFUSED = "refused"
REJECTED = "rejected"

_ADVICE: Mapping[str, str] = {
    UNREACHABLE: "no server is looked at meanwhile: check the network, api.url and the provider's status page.",
    REFUSED: "nothing is done for any server: make a new token in the panel and put it where rotator reads it.",
    REJECTED: "the old configuration stays in force: run `rotator check`, correct the file, and reload again.",
}

_STATES: Mapping[str, str] = {
    Trouble.STALE: "without a fresh restore point",
    Trouble.HELD: "held from pruning",
    REFUSED: "refusing the token",
    REJECTED: "rejected",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message for people; `event` is the same for programs, as JSON."""

    id: str
    news: News
    title: str
    text: str
    event: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """How a subject that is a server is called."""

    id: Id
    name: str


def message(
    news: News, notes: Sequence[AlertNote], servers: Mapping[str, Server], now: datetime, *, message_id: str, host: str
) -> Message:
    """What is told of these troubles; `servers` are by subject."""
    shown = notes[:MOST]
    title = _title(news, notes, servers)
    lines = [_line(news, note, servers, now) for note in shown]
    advice = _advice(notes, servers) if news is not News.CLEARED else []
    text = "\n".join([*lines, *_rest(len(notes) - len(shown)), *advice, "", f"rotator on {host}"])
    event = {
        "version": 1,
        "id": message_id,
        "sent_at": now.isoformat(),
        "kind": news.value,
        "title": title,
        "text": text,
        "count": len(notes),
        "events": [_event(note, servers) for note in shown],
        "host": host,
    }
    return Message(message_id, news, title, text, json.dumps(event).encode())


def trial(now: datetime, *, message_id: str, host: str) -> Message:
    """A message that says it is a test."""
    title = "rotator: this is a test"
    text = f"rotator on {host} can reach you here. Nothing is wrong; nothing needs to be done."
    event = {"version": 1, "id": message_id, "sent_at": now.isoformat(), "kind": News.TEST.value, "title": title}
    rest = {"text": text, "count": 0, "events": [], "host": host}
    return Message(message_id, News.TEST, title, text, json.dumps(event | rest).encode())


def _title(news: News, notes: Sequence[AlertNote], servers: Mapping[str, Server]) -> str:
    subjects = list(dict.fromkeys(note.subject for note in notes))
    who = _who(subjects[0], servers) if len(subjects) == 1 else _several(subjects, servers)
    be = "are" if len(subjects) > 1 else "is"
    kinds = list(dict.fromkeys(note.trouble for note in notes))
    if news is News.CLEARED:  # not "fine again": another trouble may last
        return f"rotator: {who} {be} no longer {' or '.join(map(_state, kinds))}"
    what = _state(kinds[0]) if len(kinds) == 1 else "in trouble"
    return f"rotator: {who} {be} {'still ' if news is News.REMINDER else ''}{what}"


def _several(subjects: Sequence[str], servers: Mapping[str, Server]) -> str:
    noun = "servers" if all(subject in servers for subject in subjects) else "things"
    return f"{len(subjects):,} {noun}"


def _who(subject: str, servers: Mapping[str, Server]) -> str:
    if subject in servers:
        return printable(servers[subject].name)
    return {ACCOUNT: "the API", CONFIGURATION: "the new configuration"}.get(subject, printable(subject))


def _state(trouble: str) -> str:
    return _STATES.get(trouble, trouble)


def _line(news: News, note: AlertNote, servers: Mapping[str, Server], now: datetime) -> str:
    server = servers.get(note.subject)
    who = f"{printable(server.name)} ({server.id})" if server else _who(note.subject, servers)
    lasted = age(max(now - note.since, now - now))
    if news is News.CLEARED:
        return f"- {who}: no longer {_state(note.trouble)} (since {instant(note.since)}, for {lasted})"
    return f"- {who}: {_state(note.trouble)} since {instant(note.since)}: {_short(note.text)}"


def _short(text: str) -> str:
    line = printable(text)
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


def _rest(count: int) -> list[str]:
    return [f"- and {count:,} more: `rotator status` shows them all"] if count > 0 else []


def _advice(notes: Sequence[AlertNote], servers: Mapping[str, Server]) -> list[str]:
    first: dict[str, AlertNote] = {}
    for note in notes:
        first.setdefault(note.trouble, note)
    told = [f"{_state(kind)}: {advice}" for kind, note in first.items() if (advice := _remedy(note, servers))]
    return ["", "What to do:", *(f"- {line}" for line in told)] if told else []


def _remedy(note: AlertNote, servers: Mapping[str, Server]) -> str:
    server = servers.get(note.subject)
    return _ADVICE.get(note.trouble) or remedy(note.trouble, server.name if server else "NAME")


def _event(note: AlertNote, servers: Mapping[str, Server]) -> dict[str, object]:
    server = servers.get(note.subject)
    return {
        "subject": "server" if server else note.subject,
        "server_id": server.id if server else None,
        "server": server.name if server else None,
        "kind": note.trouble,
        "text": _short(note.text),
        "since": note.since.isoformat(),
    }
