"""What every shape of the picture means."""

from __future__ import annotations

from collections.abc import Iterator

from rotator.model import State
from rotator.simulate.story import Fate
from rotator.simulate.timeline.markup import Part, element, width_of, words
from rotator.simulate.timeline.shapes import finished, unfinished
from rotator.simulate.timeline.strips import fate_shape
from rotator.simulate.words import FATES

MARGIN = 16
_SIZE = 11
_LINE = 17


def legend() -> Part:
    """The signs and their meanings, in one line."""
    x, drawn = float(MARGIN), []
    for sign, meaning in _signs():
        width = width_of(meaning, _SIZE) + 46
        drawn.append(f'<g transform="translate({x:.0f} 0)">{sign}{words(meaning, 30, 11)}</g>')
        x += width
    return Part(_LINE, tuple(drawn))


def _signs() -> Iterator[tuple[str, str]]:
    yield finished(True, 0, 24, 4, 6), "restore point"
    yield finished(False, 0, 24, 4, 6), "not ours"
    yield unfinished(State.IN_PROGRESS, 0, 24, 7), "in progress"
    yield unfinished(State.FAILED, 3, 24, 7), "failed"
    yield unfinished(State.UNKNOWN, 0, 24, 7), "unknown status"
    yield fate_shape(Fate.TAKEN, 12, 3), f"slot {FATES[Fate.TAKEN]}"
    yield fate_shape(Fate.LATE, 12, 4), FATES[Fate.LATE]
    yield fate_shape(Fate.MISSED, 12, 3), FATES[Fate.MISSED]
    yield fate_shape(Fate.OPEN, 12, 3), FATES[Fate.OPEN]
    yield element("rect", x=0, y=1, width=24, height=12, fill="url(#rotator-outage)"), "API outage"
