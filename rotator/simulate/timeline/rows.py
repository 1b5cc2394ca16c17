"""Every snapshot's life as a bar: a row of its own for each, or for those that lived longest; the others packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.planner.words import instant
from rotator.simulate.story import Life
from rotator.simulate.timeline.axis import LEFT, RIGHT, WIDTH, Axis
from rotator.simulate.timeline.markup import Part, cut, number, path, told, words
from rotator.simulate.timeline.shapes import bar
from rotator.simulate.words import span

MOST_ROWS = 110
"""So many snapshots have a row of their own; of more, those that lived far longer than the others."""

_HEIGHT = 440
_HIGHEST_ROW = 14
_LOWEST_AREA = 56
_PACKED_ROW = 8
_LABEL = 14
_SIZE = 11
_NAME = RIGHT + 92


@dataclass(frozen=True, slots=True)
class _Rows:
    """Who has a row, and how high one is; who is packed, and in which of the packed rows."""

    own: tuple[Life, ...]
    height: float
    packed: tuple[tuple[Life, int], ...]

    @property
    def area(self) -> float:
        """The height of all rows of their own."""
        return max(self.height * len(self.own), _LOWEST_AREA)


def rows(axis: Axis, lives: Sequence[Life], ended: datetime) -> Part:
    """The bars from the first asked for at the top to the last one, and the names of those that are left."""
    found = _rows(lives, ended)
    drawn = [*_own_bars(axis, found, ended), *_packed_bars(axis, found, ended)]
    drawn += [words("snapshots", LEFT - 10, 11, "name"), words(f"{len(lives):,} in all", LEFT - 10, 24, "side")]
    if not lives:
        drawn.append(words("no snapshot was asked for in this time", (LEFT + RIGHT) / 2, found.area / 2, "none"))
    left = [(life, (place + 0.5) * found.height) for place, life in enumerate(found.own) if life.died is None]
    labels = tuple(_labels(left, max(found.area, _LABEL * len(left)), ended))
    height = max(found.area + _packed_height(found.packed), _LABEL * len(left))
    return Part(height + 10, (*drawn, *labels))


def _rows(lives: Sequence[Life], ended: datetime) -> _Rows:
    limit = _longest_packed(lives, ended)
    own = tuple(life for life in lives if limit is None or life.died is None or _lived(life, ended) > limit)
    packed = tuple(_packing(lives, own))
    height = min(_HIGHEST_ROW, (_HEIGHT - _packed_height(packed)) / max(len(own), 1))
    return _Rows(own, height, packed)


def _longest_packed(lives: Sequence[Life], ended: datetime) -> timedelta | None:
    """How long those lived at most that get no row of their own; None if there is a row for everyone.

    Twice as long as the first one for which there is no row, so that none stands out that differs by minutes.
    """
    if len(lives) <= MOST_ROWS:
        return None
    return sorted((_lived(life, ended) for life in lives), reverse=True)[MOST_ROWS] * 2


def _lived(life: Life, ended: datetime) -> timedelta:
    return (life.died or ended) - life.born


def _packing(lives: Sequence[Life], own: Sequence[Life]) -> Iterator[tuple[Life, int]]:
    """The others, each in the first row that is free again; a server's cap keeps these few."""
    apart = {life.snapshot_id for life in own}
    free: list[datetime] = []
    for life in lives:
        if life.snapshot_id in apart or life.died is None:
            continue
        row = next((row for row, at in enumerate(free) if at <= life.born), len(free))
        free[row : row + 1] = [life.died]
        yield life, row


def _packed_height(packed: Sequence[tuple[Life, int]]) -> float:
    """As many rows as are needed, and two lines of words beside them."""
    return max(_PACKED_ROW * (1 + max(row for _, row in packed)), 26) if packed else 0


def _own_bars(axis: Axis, found: _Rows, ended: datetime) -> Iterator[str]:
    thick = found.height * 0.72
    for place, life in enumerate(found.own):
        top = place * found.height + (found.height - thick) / 2
        yield told(_words_of(life, ended), bar(axis, life, top, thick))


def _packed_bars(axis: Axis, found: _Rows, ended: datetime) -> Iterator[str]:
    if not found.packed:
        return
    longest = max(_lived(life, ended) for life, _ in found.packed)
    yield words(f"brief: {len(found.packed):,}", LEFT - 10, found.area + 9, "name")
    yield words(f"up to {span(longest)}", LEFT - 10, found.area + 22, "side")
    yield words("many in a row: too brief for one each", RIGHT + 12, found.area + 16, "side left")
    # Crosses last: the next bar in the row would cover half of one.
    for life, row in sorted(found.packed, key=lambda each: each[0].ready is None):
        yield told(_words_of(life, ended), bar(axis, life, found.area + row * _PACKED_ROW + 1, _PACKED_ROW - 2))


def _words_of(life: Life, ended: datetime) -> str:
    told_ = [f"{life.name}{'' if life.owned else ' (not ours)'}: asked for {instant(life.born)}"]
    told_ += [f"complete {instant(life.ready)}"] if life.ready else []
    told_ += [life.status] if life.status != "completed" else []
    if life.died is None:
        return "; ".join([*told_, f"there at the end, {span(ended - life.born)} old"])
    gone = f"deleted {instant(life.died)} at the age of {span(life.died - life.born)}"
    return "; ".join([*told_, f"{gone}: {life.reason}" if life.reason else gone])


def _labels(left: Sequence[tuple[Life, float]], area: float, ended: datetime) -> Iterator[str]:
    """Age and name of everyone who is left, in the height of the bar as far as there is room for all."""
    for (life, target), y in zip(left, _spread([y for _, y in left], area), strict=True):
        x = RIGHT + 4
        yield path([f"M{x} {number(target)}L{x + 12} {number(y)}h8"], "leader")
        yield words(span(ended - life.born), _NAME - 8, y + 4, "age")
        name = cut(life.name, WIDTH - _NAME - 4, _SIZE)
        yield words(name, _NAME, y + 4, "kept" if life.owned else "theirs")


def _spread(wanted: Sequence[float], area: float) -> list[float]:
    """The places nearest to the wanted ones, in order, none nearer to another than a label is high."""
    highest = [area - _LABEL * (len(wanted) - place - 0.5) for place in range(len(wanted))]
    found: list[float] = []
    for place, target in enumerate(wanted):
        lowest = found[-1] + _LABEL if found else _LABEL / 2
        found.append(min(max(target, lowest), max(highest[place], lowest)))
    return found
