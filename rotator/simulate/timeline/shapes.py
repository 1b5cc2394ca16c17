"""How a snapshot looks in each of its states: by shape first, so that it can be told apart on paper too."""

from __future__ import annotations

from rotator.model import Snapshot, State
from rotator.simulate.story import Life
from rotator.simulate.timeline.axis import Axis
from rotator.simulate.timeline.markup import number, path

_THINNEST = 1.2
"""A bar that is narrower could not be seen."""

_HOLLOW = 4
"""A hollow bar that is lower would look filled."""

_CROSS = 2.8


def bar(axis: Axis, life: Life, top: float, thick: float) -> str:
    """A life: a line until it is complete, then a bar; what never gets there stays a line."""
    begun, ended = axis.x(life.born), axis.x(life.died or axis.ended)
    if life.ready is None:
        return unfinished(state_of(life), begun, ended, top + thick / 2)
    ready = axis.x(life.ready)
    wait = unfinished(State.IN_PROGRESS, begun, ready, top + thick / 2) if ready - begun > _THINNEST else ""
    return wait + finished(life.owned, ready, ended, top, thick)


def finished(owned: bool, begun: float, ended: float, top: float, thick: float) -> str:
    """A complete snapshot: filled if it is a restore point, hollow if it is not ours."""
    height = thick if owned else max(thick, _HOLLOW)
    width, top = max(ended - begun, _THINNEST), top - (height - thick) / 2
    box = f"M{number(begun)} {number(top)}h{number(width)}v{number(height)}h{number(-width)}z"
    return path([box], "point" if owned else "foreign")


def unfinished(state: State, begun: float, ended: float, middle: float) -> str:
    """A line: in progress, of unknown status, or with a cross for one that failed."""
    width = max(ended - begun, _THINNEST)
    line = f"M{number(begun)} {number(middle)}h{number(width)}"
    if state is not State.FAILED:
        return path([line], "odd" if state is State.UNKNOWN else "wait")
    return path([line], "failed") + cross(begun, middle)


def cross(x: float, y: float) -> str:
    """The sign of a failed snapshot, set off from any bar that it is on."""
    left, right, up, down = (number(each) for each in (x - _CROSS, x + _CROSS, y - _CROSS, y + _CROSS))
    steps = f"M{left} {up}L{right} {down}M{left} {down}L{right} {up}"
    return path([steps], "halo") + path([steps], "cross")


def state_of(life: Life) -> State:
    """What the status at its end means."""
    return Snapshot(life.snapshot_id, 0, "", life.name, life.status, life.born).state
