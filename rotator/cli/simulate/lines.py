"""A story for people: a few lines per server, or for many servers a table per policy with the worst servers first."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median_low

from rotator.cli.words import WIDTH, bullet, heading, local, painted
from rotator.model import CAP, Cause
from rotator.naming import printable
from rotator.planner.words import counted, duration_text, instant
from rotator.simulate.doubts import NEVER, doubts
from rotator.simulate.figures import Figures, OutageCost, figures
from rotator.simulate.settings import DAY, Settings
from rotator.simulate.story import Fate, ServerStory, Story
from rotator.simulate.words import FATES, span

MOST_IN_FULL = 12
"""So many servers are shown in full; of more there is a table."""

_WORST = 10

_NEVER = "never"

Found = tuple[ServerStory, Figures]

_ROW = "{:<22} {:>7} {:>6} {:>9} {:>9} {:>6} {:>6} {:>6}"
_SERVER_ROW = "{:<22} {:>14} {:>9} {:>9} {:>6} {:>6} {:>6}"


def lines(story: Story, settings: Settings) -> Iterator[str]:
    """Everything, within the width of a terminal."""
    found = [(server, figures(server, story)) for server in story.servers]
    yield from _head(settings, len(found))
    if len(found) <= MOST_IN_FULL:
        for each in found:
            yield ""
            yield from _server(each, story, settings)
    else:
        yield from _policies(found, settings)
        yield from _worst(found, settings)
    yield ""
    yield from _account(story, settings)


def _head(settings: Settings, servers: int) -> Iterator[str]:
    wrong = [f"a snapshot takes {duration_text(settings.create_time)}"]
    if settings.fail:
        wrong.append(f"{settings.fail * 100:g}% of them fail (seed {settings.seed})")
    if settings.foreign:
        wrong.append(f"{counted(settings.foreign, 'snapshot')} made by hand on every server")
    yield painted(
        f"{counted(servers, 'server')}, {counted(settings.days, 'day')}: "
        f"{settings.begun:%Y-%m-%d %H:%M} to {settings.ended:%Y-%m-%d %H:%M} UTC",
        "bold",
    )
    yield bullet("*", "; ".join(wrong))
    for each in settings.outages:
        text = f"outage: {duration_text(each.ended - each.begun)} from {instant(each.begun)}"
        text += f" (day {(each.begun - settings.begun) // DAY + 1})"
        yield bullet("*", text + (", to the end of the simulation" if each.ended == settings.ended else ""))


def _server(each: Found, story: Story, settings: Settings) -> Iterator[str]:
    server, found = each
    policy = server.policy
    yield heading(policy.server, policy.server_id, f"{policy.schedule.text}, keep {policy.keep}")
    ages = ", ".join(span(story.ended - life.born) for life in found.points)
    yield _fact("restore points", f"{len(found.points)} on the last day: {ages}" if ages else "none on the last day")
    if found.gap:
        at = f"{local(found.gap.until, policy)} {policy.schedule.timezone}"
        yield _fact("longest gap", f"{span(found.gap.span)}, until {at}")
    else:
        whole = "day" if settings.days == 1 else f"{settings.days:,} days"
        yield _fact("longest gap", f"the whole {whole}: there never was a restore point")
    yield _fact("oldest reach", _reach(found))
    yield _fact("slots", _slots(found.slots))
    yield _fact("deletes", _deletes(found.deletes))
    for cost in found.outages:
        yield _fact("outage", _cost(cost, settings))
    yield from _notices(each, settings)


def _notices(each: Found, settings: Settings) -> Iterator[str]:
    """What a person would be told of, and what makes the policy questionable; never protected comes first."""
    server, found = each
    doubted = list(doubts(server, found, settings))
    for kind, text in doubted:
        if kind == NEVER:
            yield painted(bullet("!", f"never protected: {text}"), "red")
    for trouble in server.troubles:
        times = f"{counted(trouble.times, 'time')}, first" if trouble.times > 1 else "at"
        text = f"{trouble.kind}: {trouble.text} ({times} {local(trouble.first, server.policy)})"
        yield painted(bullet("!", text), "red" if trouble.kind == "blocked" else "yellow")
    for kind, text in doubted:
        if kind != NEVER:
            yield painted(bullet("!", text), "yellow")


def _fact(name: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=f"    {name:<16}", subsequent_indent=" " * 20)


def _reach(found: Figures) -> str:
    if found.reach is None:
        return "still growing: the first restore point is there on the last day" if found.points else "none"
    since = f"from {found.reach.since:%Y-%m-%d} on"
    return f"{span(found.reach.least)} at least, {span(found.reach.greatest)} at most, {since}"


def _slots(slots: Counter[Fate]) -> str:
    told = [f"{slots[fate]:,} {FATES[fate]}" for fate in Fate if slots[fate] or fate is Fate.TAKEN]
    return f"{slots.total():,}: {', '.join(told)}"


def _deletes(deletes: Counter[Cause]) -> str:
    words = {Cause.SURPLUS: "surplus", Cause.ROOM: "to make room", Cause.FAILED: "failed"}
    told = [f"{deletes[cause]:,} {word}" for cause, word in words.items() if deletes[cause]]
    return ", ".join(told) or "none"


def _cost(cost: OutageCost, settings: Settings) -> str:
    day = (cost.outage.begun - settings.begun) // DAY + 1
    gap = f"gap {span(cost.gap)}" if cost.gap is not None else "before the first restore point"
    return f"day {day}: {counted(cost.late, 'slot')} caught up, {cost.missed:,} missed; {gap}"


def _policies(found: Sequence[Found], settings: Settings) -> Iterator[str]:
    """One row per policy, each with the worst of its servers; then what makes it questionable."""
    by_policy: dict[str, list[Found]] = {}
    for server, facts in found:
        name = server.policy.name or f"{server.policy.schedule.text}, keep {server.policy.keep}"
        by_policy.setdefault(name, []).append((server, facts))
    yield ""
    header = _ROW.format("POLICY", "SERVERS", "POINTS", "GAP", "REACH", "LATE", "MISSED", "FAILED")
    yield painted(header, "bold")
    for name, group in by_policy.items():
        yield _policy_row(name, [facts for _, facts in group])
        kinds: dict[str, list[str]] = {}
        for server, facts in group:
            told = [(each.kind, each.text) for each in server.troubles] + list(doubts(server, facts, settings))
            for kind, text in told:
                kinds.setdefault(kind, []).append(f"{server.policy.server}: {text}")
        for kind, texts in sorted(kinds.items(), key=lambda item: item[0] != NEVER):
            yield painted(bullet("!", f"{kind}, {counted(len(texts), 'server')}, first {texts[0]}"), "yellow")
    yield "POINTS, GAP and REACH are those of the worst server;"
    yield "LATE, MISSED and FAILED are sums over all."


def _policy_row(name: str, group: Sequence[Figures]) -> str:
    gaps = [facts.gap.span for facts in group if facts.gap]
    reaches = [facts.reach.least for facts in group if facts.reach]
    return _ROW.format(
        _cut(name),
        f"{len(group):,}",
        min(len(facts.points) for facts in group),
        span(max(gaps)) if len(gaps) == len(group) else _NEVER,
        span(min(reaches, default=None)),
        f"{sum(facts.slots[Fate.LATE] for facts in group):,}",
        f"{sum(facts.slots[Fate.MISSED] for facts in group):,}",
        f"{sum(facts.failed for facts in group):,}",
    )


def _worst(found: Sequence[Found], settings: Settings) -> Iterator[str]:
    """The servers that came off worst; a gap is held against the schedule: a week is long for a daily one only."""

    def badness(each: Found) -> tuple[bool, bool, int, float]:
        server, facts = each
        is_blocked = any(trouble.kind == "blocked" for trouble in server.troubles)
        gap = facts.gap.span if facts.gap else timedelta(0)
        return facts.gap is None, is_blocked, facts.slots[Fate.MISSED], gap / _interval(server, settings)

    yield ""
    header = _SERVER_ROW.format("WORST SERVERS", "ID", "GAP", "REACH", "POINTS", "LATE", "MISSED")
    yield painted(header, "bold")
    for server, facts in sorted(found, key=badness, reverse=True)[:_WORST]:
        yield _SERVER_ROW.format(
            _cut(printable(server.policy.server)),
            str(server.policy.server_id)[:14],
            span(facts.gap.span) if facts.gap else _NEVER,
            span(facts.reach.least if facts.reach else None),
            f"{len(facts.points)}/{min(server.policy.keep.total, CAP)}",
            f"{facts.slots[Fate.LATE]:,}",
            f"{facts.slots[Fate.MISSED]:,}",
        )
    yield "Order: no restore point at all, blocked, slots missed, gap by usual interval."
    yield "One in full: --server ID. All of them: --json."


def _interval(server: ServerStory, settings: Settings) -> timedelta:
    """The time that usually lies between two slots of this server."""
    spans = [later.slot - sooner.slot for sooner, later in pairwise(server.slots)]
    return median_low(spans) if spans else settings.days * DAY


def _account(story: Story, settings: Settings) -> Iterator[str]:
    calls = ", ".join(f"{number:,} {kind}" for kind, number in story.calls.items())
    average = sum(story.calls_by_day) / settings.days
    yield f"API calls: {average:,.1f} a day, {max(story.calls_by_day):,} on the worst day"
    yield f"           {calls}"
    yield "No safety rule was broken. Nothing was asked of the API."


def _cut(text: str) -> str:
    return text if len(text) <= 22 else text[:21] + "…"
