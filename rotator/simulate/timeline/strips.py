"""What goes along the time axis of one server: the slots' fates, and how many and how old its restore points are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.planner.words import counted, instant
from rotator.simulate.story import Fate, SlotFate
from rotator.simulate.timeline.axis import LEFT, RIGHT, Axis
from rotator.simulate.timeline.markup import Part, element, number, path, told, words
from rotator.simulate.timeline.spells import Spell
from rotator.simulate.words import FATES, span

_SLOTS_HEIGHT = 24
_TICK = 9
_NEAREST_MARKS = 8
_STRIP_HEIGHT = 30
_STRIP_GAP = 8


def slots_strip(axis: Axis, slots: Sequence[SlotFate]) -> Part:
    """A tick for each slot that was taken in time; every other fate has a mark of its own, with words."""
    y = 9
    ticks = sorted({round(2 * axis.x(each.slot)) / 2 for each in slots if each.fate is Fate.TAKEN})
    marks = [run for run in _runs(axis, slots) if run[0].fate is not Fate.TAKEN]
    drawn = [
        words("slots", LEFT - 10, y + 7, "name"),
        path((f"M{number(x)} {y}v{_TICK}" for x in ticks), "taken"),
        *(_fate_mark(axis, run, y) for run in marks),
    ]
    if any(len(run) > 1 for run in marks):
        drawn.append(words("a mark may stand for several slots", RIGHT + 12, y + 7, "side left"))
    return Part(_SLOTS_HEIGHT, tuple(drawn))


def fate_shape(fate: Fate, x: float, y: float) -> str:
    """The sign of a fate, its top at `y`."""
    match fate:
        case Fate.TAKEN:
            return path([f"M{number(x)} {number(y)}v{_TICK}"], "taken")
        case Fate.LATE:
            stem = path([f"M{number(x)} {number(y)}v{_TICK}"], "late")
            return stem + element("circle", cx=x, cy=y - 1, r=3, class_="late")
        case Fate.MISSED:
            return element("circle", cx=x, cy=y + 4, r=3.6, class_="missed")
        case Fate.OPEN:
            return element("circle", cx=x, cy=y + 4, r=1.5, class_="open")


def _fate_mark(axis: Axis, run: Sequence[SlotFate], y: float) -> str:
    fate, first, last = run[0].fate, run[0].slot, run[-1].slot
    when = instant(first) if len(run) == 1 else f"{instant(first)} to {instant(last)}"
    return told(f"{counted(len(run), 'slot')} {FATES[fate]}: {when}", fate_shape(fate, axis.x(first), y))


def _runs(axis: Axis, slots: Iterable[SlotFate]) -> Iterator[list[SlotFate]]:
    """Neighbours of one fate that are too near each other for a mark each."""
    run: list[SlotFate] = []
    for each in slots:
        if run and (each.fate is not run[0].fate or axis.x(each.slot) - axis.x(run[0].slot) >= _NEAREST_MARKS):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


@dataclass(frozen=True, slots=True)
class _Curve:
    """A value over time, in pieces from one value to another."""

    name: str
    pieces: tuple[tuple[datetime, float, datetime, float], ...]
    most: float
    told: str
    """The greatest value, in words."""


def curves(axis: Axis, there: Sequence[Spell]) -> Part:
    """Three curves below each other: restore points, age of the newest, age of the oldest."""
    drawn: list[str] = []
    for place, curve in enumerate((_numbers(there), _ages("newest", there, -1), _ages("oldest", there, 0))):
        drawn += _drawn(axis, curve, place * (_STRIP_HEIGHT + _STRIP_GAP))
    return Part(3 * (_STRIP_HEIGHT + _STRIP_GAP), tuple(drawn))


def _numbers(there: Sequence[Spell]) -> _Curve:
    pieces = tuple((each.begun, len(each.births), each.ended, len(each.births)) for each in there)
    most = max((len(each.births) for each in there), default=0)
    return _Curve("restore points", pieces, most, f"at most {most}")


def _ages(name: str, there: Sequence[Spell], which: int) -> _Curve:
    known = [(each, each.births[which]) for each in there if each.births]
    pieces = tuple(
        (each.begun, (each.begun - born) / _SECOND, each.ended, (each.ended - born) / _SECOND) for each, born in known
    )
    most = max((each.ended - born for each, born in known), default=timedelta(0))
    return _Curve(f"age of {name}", pieces, most / _SECOND, f"up to {span(most)}" if known else "none")


_SECOND = timedelta(seconds=1)


def _drawn(axis: Axis, curve: _Curve, top: float) -> list[str]:
    bottom = top + _STRIP_HEIGHT
    steps: list[str] = []
    end: datetime | None = None
    for begun, first, ended, last in curve.pieces:
        if begun != end:
            steps.append(f"{'V' + number(bottom) if end else ''}M{number(axis.x(begun))} {number(bottom)}")
        steps.append(f"V{number(_y(curve, bottom, first))}L{number(axis.x(ended))} {number(_y(curve, bottom, last))}")
        end = ended
    if end:
        steps.append(f"V{number(bottom)}")
    return [
        path(steps, "curve"),
        path([f"M{LEFT} {number(bottom)}H{RIGHT}"], "base"),
        words(curve.name, LEFT - 10, top + 13, "name"),
        words(curve.told, LEFT - 10, top + 26, "side"),
    ]


def _y(curve: _Curve, bottom: float, value: float) -> float:
    return bottom - (value / curve.most if curve.most else 0) * (_STRIP_HEIGHT - 4)
