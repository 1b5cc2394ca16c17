"""What was told already, and what is on its way: counts as told only once some channel took it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rotator.notify.alerts import Key, Letter, key_of
from rotator.state.alerts import AlertNote


class AlertMemory(Protocol):
    """Keeps notes beyond the process, by subject and trouble; never raises."""

    def alerts(self) -> Mapping[Key, AlertNote]:
        """Every note, by subject and trouble."""
        ...

    def save_alert(self, note: AlertNote) -> None:
        """Keep a note, in place of the one of this subject and trouble."""
        ...

    def drop_alert(self, subject: str, trouble: str) -> None:
        """Forget a note, if there is one."""
        ...


class ProcessMemory:
    """Keeps notes as long as the process lives: where there is no state."""

    def __init__(self) -> None:
        self._notes: dict[Key, AlertNote] = {}

    def alerts(self) -> Mapping[Key, AlertNote]:
        """Every note, by subject and trouble."""
        return dict(self._notes)

    def save_alert(self, note: AlertNote) -> None:
        """Keep a note, in place of the one of this subject and trouble."""
        self._notes[key_of(note)] = note

    def drop_alert(self, subject: str, trouble: str) -> None:
        """Forget a note, if there is one."""
        self._notes.pop((subject, trouble), None)


class Told:
    """The memory as it will be when every letter on its way has arrived.

    A process that dies meanwhile leaves the memory as it was, so the next one tells it again: better twice than never.
    """

    def __init__(self, memory: AlertMemory) -> None:
        self._memory = memory
        self._on_the_way: dict[str, Letter] = {}

    def notes(self) -> Sequence[AlertNote]:
        """Every note, letters on their way taken as told."""
        notes = dict(self._memory.alerts())
        for letter in self._on_the_way.values():
            notes |= {key_of(note): note for note in letter.save}
            for key in letter.drop:
                notes.pop(key, None)
        return tuple(notes.values())

    def keep(self, save: Sequence[AlertNote], drop: Sequence[Key]) -> None:
        """Remember and forget at once."""
        for note in save:
            self._memory.save_alert(note)
        for subject, trouble in drop:
            self._memory.drop_alert(subject, trouble)

    def send(self, message_id: str, letter: Letter) -> None:
        """Take the letter as told from now on, until `arrived` says how it is."""
        self._on_the_way[message_id] = letter

    def is_on_the_way(self, message_id: str) -> bool:
        """Whether no channel took it yet."""
        return message_id in self._on_the_way

    def arrived(self, message_id: str, *, told: bool) -> None:
        """Some channel took the letter, or none will: then it is as if it had never been written."""
        letter = self._on_the_way.pop(message_id, None)
        if letter and told:
            self.keep(letter.save, letter.drop)
