"""One server's part of the picture: its name and policy, what became of it in a sentence, and the chart below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from textwrap import wrap

from rotator.model import Keep, Policy
from rotator.planner.words import counted, instant
from rotator.simulate.story import Fate, Outage, ServerStory, Story
from rotator.simulate.timeline.axis import LEFT, RIGHT, WIDTH, Axis, ruler_of
from rotator.simulate.timeline.legend import MARGIN
from rotator.simulate.timeline.markup import Part, cut, element, moved, stacked, told, width_of, words
from rotator.simulate.timeline.rows import rows
from rotator.simulate.timeline.spells import Spell, spells
from rotator.simulate.timeline.strips import curves, slots_strip
from rotator.simulate.words import FATES, span
from rotator.slots import timezone_of

_AXIS_TOP = 32
_FOOT = 26
_LETTERS = 160
"""How many letters of a sentence fit in a line."""


def panel(server: ServerStory, story: Story) -> Part:
    """Everything about one server."""
    axis = Axis(story.begun, story.ended, timezone_of(server.policy.schedule.timezone))
    there = tuple(spells(server.lives, story.begun, story.ended))
    return stacked([_heading(server, there), _chart(axis, server, story, there)])


def _heading(server: ServerStory, there: Sequence[Spell]) -> Part:
    policy = server.policy
    lines = [*wrap(rules(policy), _LETTERS), *wrap(summary(server, there), _LETTERS)]
    drawn = [words(cut(policy.server, WIDTH - 2 * MARGIN, 22), MARGIN, 24, "server")]
    drawn += [words(line, MARGIN, 43 + 17 * place, "rules") for place, line in enumerate(lines)]
    return Part(43 + 17 * len(lines), tuple(drawn))


def rules(policy: Policy) -> str:
    """The policy in words: when, where, what is kept."""
    told_ = [f"{policy.schedule.text} ({policy.schedule.timezone})", f"keep {_kept(policy.keep)}"]
    told_ += [f"never fewer than {policy.min_keep}"] if policy.min_keep > 1 else []
    return ", ".join(told_)


def _kept(keep: Keep) -> str:
    if keep.last == keep.total:
        return f"the last {keep.last}"
    return " + ".join(f"{count} {rule}" for rule, count in keep.counts().items() if count)


def summary(server: ServerStory, there: Sequence[Spell]) -> str:
    """What became of slots and restore points, in one line."""
    fates = Counter(each.fate for each in server.slots)
    told_ = ", ".join(f"{fates[fate]:,} {word}" for fate, word in FATES.items() if fates[fate] or fate is Fate.MISSED)
    births = there[-1].births if there else ()
    ended = there[-1].ended if there else None
    ages = ", ".join(span(ended - born) for born in reversed(births)) if ended else ""
    left = f"{counted(len(births), 'restore point')} at the end" + (f": {ages} old" if ages else "")
    return f"{counted(len(server.slots), 'slot')}: {told_}. {left}."


def _chart(axis: Axis, server: ServerStory, story: Story, there: Sequence[Spell]) -> Part:
    ruler = ruler_of(axis)
    body = stacked(
        [
            _outage_names(axis, story.outages),
            slots_strip(axis, server.slots),
            rows(axis, server.lives, story.ended),
            curves(axis, there),
        ]
    )
    bottom = _AXIS_TOP + body.height
    left = sum(life.died is None for life in server.lives)
    drawn = [
        *_outages(axis, story.outages, bottom),
        *ruler.grid(_AXIS_TOP - 4, bottom),
        *ruler.names(),
        *ruler.labels(_AXIS_TOP - 8),
        words(cut(_city(server.policy), LEFT - MARGIN, 11), MARGIN, 11, "zone"),
        words(f"there at the end: {left}", RIGHT + 26, 11),
        moved(body.drawn, _AXIS_TOP),
        *ruler.labels(bottom + 14),
    ]
    return Part(bottom + _FOOT, tuple(drawn))


def _city(policy: Policy) -> str:
    """The last part of a time zone's name; all of it stands with the schedule."""
    return policy.schedule.timezone.rpartition("/")[2].replace("_", " ")


def _outages(axis: Axis, outages: Sequence[Outage], bottom: float) -> Iterator[str]:
    for each in outages:
        x, end = axis.x(each.begun), axis.x(each.ended)
        band = element(
            "rect", x=x, y=_AXIS_TOP, width=max(end - x, 1.5), height=bottom - _AXIS_TOP, fill="url(#rotator-outage)"
        )
        yield told(f"API outage of {_length(each)}: {instant(each.begun)} to {instant(each.ended)}", band)


def _length(outage: Outage) -> str:
    """In the largest unit that says it exactly, as the one who asked for it would write it."""
    length = outage.ended - outage.begun
    units = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))
    exact = (f"{length // unit}{letter}" for letter, unit in units if not length % unit)
    return next(exact, f"{length.total_seconds():.0f}s")


def _outage_names(axis: Axis, outages: Sequence[Outage]) -> Part:
    """How long each outage is, as far as there is room for words."""
    drawn: list[str] = []
    free = float(LEFT)
    for each in outages:
        text = f"outage {_length(each)}"
        width = width_of(text, 11)
        x = min(axis.x(each.begun), RIGHT - width)
        if x >= free:
            drawn.append(words(text, x, 8, "outage"))
            free = x + width + 4
    return Part(14 if outages else 0, tuple(drawn))
