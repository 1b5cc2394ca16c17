"""Decides what people are told: from what was told before and what is wrong now; knows no clock, channel or storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rotator.state.alerts import AlertNote

_BEFORE = timedelta(seconds=1)

Key = tuple[str, str]
"""Subject and trouble: what makes two notes the same one, whatever their words."""


class News(StrEnum):
    """What a message is about."""

    RAISED = "raised"
    REMINDER = "reminder"
    CLEARED = "cleared"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble as it is now. It is told once it lasted for `patience`."""

    subject: str
    trouble: str
    text: str
    patience: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is wrong now, and of whom it is known.

    `present` are all subjects there are, `settled` those of which `findings` has everything: what is not found of them
    is over. Of the others it is not known.
    """

    findings: tuple[Finding, ...]
    settled: frozenset[str]
    present: frozenset[str]


@dataclass(frozen=True, slots=True)
class Letter:
    """What to tell in one message, and what to remember and forget once it was told."""

    news: News
    notes: tuple[AlertNote, ...]
    """The troubles, those that last longest first."""
    save: tuple[AlertNote, ...] = ()
    drop: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """The letters to send, at most one of each kind, and what to remember and forget without a word."""

    letters: tuple[Letter, ...]
    save: tuple[AlertNote, ...]
    drop: tuple[Key, ...]
    wrong: bool
    """Whether there is a trouble that was told, or is to be told now."""


def is_told(note: AlertNote) -> bool:
    """Whether anybody was told: a trouble that was only seen so far has a `told_at` before it began."""
    return note.told_at >= note.since


def key_of(note: AlertNote | Finding) -> Key:
    """What stays the same while a trouble lasts."""
    return note.subject, note.trouble


def elapsed(now: datetime, since: datetime, span: timedelta) -> bool:
    """Whether `span` is over since then, or the clock was set back behind it, which leaves no way to know."""
    return not timedelta(0) <= now - since < span


def changes(known: Iterable[AlertNote], sight: Sight, now: datetime, remind_every: timedelta) -> Changes:
    """What is news.

    A lasting trouble is told once and then at most once per `remind_every`. The end of each told trouble is told once.
    Nothing is told of what never changed, and other words for the same trouble are no change. Of a subject that is
    gone, nothing is told any more.
    """
    notes = {key_of(note): note for note in known}
    found = _merged(sight.findings)
    seen = [_seen(notes.get(key), finding, now) for key, finding in found.items()]
    raised = [note for note in seen if not is_told(note) and _is_ripe(note, found[key_of(note)], now)]
    due = [note for note in seen if is_told(note) and elapsed(now, note.told_at, remind_every)]
    over = [note for key, note in notes.items() if key not in found and _is_over(note, sight)]
    cleared = [note for note in over if is_told(note) and note.subject in sight.present]
    told = {key_of(note) for note in (*raised, *cleared)}
    open_ = [note for note in notes.values() if is_told(note) and note not in over]
    return Changes(
        letters=tuple(_letters(raised, due, cleared, now)),
        save=tuple(note for note in seen if key_of(note) not in told and key_of(note) not in notes),
        drop=tuple(key_of(note) for note in over if key_of(note) not in told),
        wrong=bool(raised or open_),
    )


def _merged(findings: Sequence[Finding]) -> Mapping[Key, Finding]:
    """One finding per trouble; several of one kind are said in one breath."""
    merged: dict[Key, Finding] = {}
    for each in findings:
        earlier = merged.get(key_of(each))
        merged[key_of(each)] = replace(earlier, text=f"{earlier.text}; {each.text}") if earlier else each
    return merged


def _seen(note: AlertNote | None, finding: Finding, now: datetime) -> AlertNote:
    if note is None:
        return AlertNote(finding.subject, finding.trouble, finding.text, since=now, told_at=now - _BEFORE)
    return replace(note, text=finding.text)


def _is_ripe(note: AlertNote, finding: Finding, now: datetime) -> bool:
    return elapsed(now, note.since, finding.patience)


def _is_over(note: AlertNote, sight: Sight) -> bool:
    return note.subject in sight.settled or note.subject not in sight.present


def _letters(
    raised: Sequence[AlertNote], due: Sequence[AlertNote], cleared: Sequence[AlertNote], now: datetime
) -> Iterator[Letter]:
    for news, notes in ((News.RAISED, raised), (News.REMINDER, due)):
        if notes:
            yield Letter(news, _sorted(notes), save=tuple(_told(note, now) for note in notes))
    if cleared:
        yield Letter(News.CLEARED, _sorted(cleared), drop=tuple(key_of(note) for note in cleared))


def _told(note: AlertNote, now: datetime) -> AlertNote:
    return replace(note, told_at=now, since=min(note.since, now))  # the clock may have been set back


def _sorted(notes: Sequence[AlertNote]) -> tuple[AlertNote, ...]:
    return tuple(sorted(notes, key=lambda note: (note.since, note.subject, note.trouble)))
