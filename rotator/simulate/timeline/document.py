"""The whole picture: title, legend, one panel per server; a page of paper is never wider, and breaks between panels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain

from rotator.planner.words import counted, instant
from rotator.simulate.story import ServerStory, Story
from rotator.simulate.timeline.axis import WIDTH
from rotator.simulate.timeline.legend import MARGIN, legend
from rotator.simulate.timeline.markup import Part, cut, element, moved, number, safe, stacked, words
from rotator.simulate.timeline.panel import panel
from rotator.simulate.timeline.style import style

_PAGE = WIDTH * 190 / 277
"""The height of A4 landscape within margins of 10 mm."""

_HATCH = (
    '<pattern id="rotator-outage" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch" d="M3 0v6"/></pattern>'
)


def timeline(servers: Sequence[ServerStory], story: Story) -> Iterator[str]:
    """The lines of an SVG document about these servers of the story: every snapshot's life, every slot, every outage.

    Self-contained, the same bytes for the same story. Names may be any text.
    """
    title = _title(servers, story)
    parts = list(chain([_head(title)], (panel(each, story) for each in servers)))
    tops = list(_tops([part.height for part in parts]))
    height = tops[-1] + parts[-1].height
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{number(height)}" '
        f'viewBox="0 0 {WIDTH} {number(height)}" role="img" aria-label="{safe(title)}" xml:lang="en">'
    )
    yield element("title", safe(title))
    yield element("style", style())
    yield element("defs", _HATCH)
    yield element("rect", width=WIDTH, height=height, class_="paper")
    for part, top in zip(parts, tops, strict=True):
        yield moved(part.drawn, top)
    yield "</svg>"


def _title(servers: Sequence[ServerStory], story: Story) -> str:
    whose = servers[0].policy.server if len(servers) == 1 else counted(len(servers), "server")
    days = counted(round(story.span / timedelta(days=1)), "day")
    return f"rotator simulate: {whose}, {days}, {instant(story.begun)} to {instant(story.ended)}"


def _head(title: str) -> Part:
    return stacked([Part(28, (words(cut(title, WIDTH - 2 * MARGIN, 14), MARGIN, 20, "head"),)), legend(), Part(4, ())])


def _tops(heights: Sequence[float]) -> Iterator[float]:
    """Where each part begins: below the one before, or on the next page if it would be cut by the end of this one."""
    top = 0.0
    for height in heights:
        used = top % _PAGE
        if used + height > _PAGE and used > _PAGE - height > 0:
            top += _PAGE - used
        yield top
        top += height
