"""Collects what is wrong with a configuration file, each with its place and remedy, in words of our own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rotator.config.words import Loc, location, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from rotator.config.nodes import Node, Place

MOST = 1000
"""Nobody mends more in one go, and looking for close spellings takes time."""

_COMPARED = 200
"""Names to compare a misspelt one with: each comparison takes a while."""


@dataclass(frozen=True, slots=True, order=True)
class _Problem:
    place: Place
    where: str
    message: str


@dataclass(slots=True)
class Problems:
    """What was found so far in the file called `file`, whose content is `root`; the same thing is never told twice."""

    file: str
    root: Node
    _found: set[_Problem] = field(default_factory=set)
    _warned: set[_Problem] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether there are so many that looking for more helps nobody."""
        return len(self._found) >= MOST

    def add(self, loc: Loc, message: str, place: Place | None = None) -> None:
        """Tells of a problem with the value at `loc`."""
        if not self.full:
            self._found.add(_Problem(place or self.root.at(loc).place, location(loc), message))

    def warn(self, loc: Loc, message: str) -> None:
        """Tells of something that is allowed and yet may not be what was meant."""
        self._warned.add(_Problem(self.root.at(loc).place, location(loc), message))

    def add_all(self, model: type[BaseModel], top: Loc, errors: Iterable[ErrorDetails]) -> None:
        """Tells of what pydantic says about the section at `top`."""
        # Imported here because a good file needs no words for what is wrong.
        from rotator.config.sentences import sentence_of, without_tags

        for error in errors:
            if self.full:
                return
            loc = (*top, *without_tags(error["loc"]))
            if error["type"] == "extra_forbidden":
                self.add(loc, sentence_of(model, loc, len(top), error, self.root), self.root.key_place(loc))
            else:
                place = loc[:-1] if error["type"] == "missing" else loc
                self.add(place, sentence_of(model, loc, len(top), error, self.root))

    def add_unknown(self, model: type[BaseModel], loc: Loc) -> None:
        """Tells of a key that the section does not have."""
        from rotator.config.sentences import unknown

        if not self.full:
            self.add(loc, unknown(model, str(loc[-1])), self.root.key_place(loc))

    def line(self, loc: Loc) -> int:
        """The line in which the value at `loc` stands."""
        return self.root.at(loc).place[0]

    def lines(self) -> tuple[str, ...]:
        """Every problem as `file:line:column: place: message`, in the order of the file."""
        rest = (f"{self.file}: there may be more; mend these {MOST:,} first",) if self.full else ()
        return (*self._lines(self._found), *rest)

    def warnings(self) -> tuple[str, ...]:
        """Every warning, likewise."""
        return tuple(self._lines(self._warned))

    def _lines(self, problems: set[_Problem]) -> Iterator[str]:
        for problem in sorted(problems):
            (line, column), where = problem.place, problem.where
            yield f"{self.file}:{line}:{column}: {where}{': ' if where else ''}{problem.message}"


def unknown_policy(name: str, known: Iterable[str]) -> str:
    """What to say of a policy that is not there."""
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(name, names[:_COMPARED], n=1)
    if near:
        return f"there is no policy {shown(name)}; did you mean {shown(near[0])}?"
    listed = ", ".join(map(shown, names[:5])) or "none yet"
    return f"there is no policy {shown(name)} under policies (there: {listed}); add it or name another"
