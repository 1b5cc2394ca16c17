"""A story as JSON, whose keys are an interface: see docs/json.md."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rotator.model import Cause
from rotator.simulate.doubts import NEVER, doubts
from rotator.simulate.figures import Figures, OutageCost, figures
from rotator.simulate.settings import Settings
from rotator.simulate.story import Fate, Life, ServerStory, Story
from rotator.standing import iso


def as_json(story: Story, settings: Settings) -> dict[str, Any]:
    """The whole result; it holds no moment of the real clock, so that the same simulation gives the same text."""
    return _head(settings) | {
        "broken_rule": None,
        "calls": {
            **story.calls,
            "per_day_average": round(sum(story.calls_by_day) / settings.days, 1),
            "per_day_most": max(story.calls_by_day),
        },
        "servers": [_server(each, story, settings) for each in story.servers],
    }


def broken_json(settings: Settings, words: str, at: datetime, server: str, replay: str) -> dict[str, Any]:
    """The result of a simulation that found a safety rule broken."""
    broken = {"call": words, "at": iso(at), "server": server, "replay": replay}
    return _head(settings) | {"broken_rule": broken, "calls": None, "servers": []}


def _head(settings: Settings) -> dict[str, Any]:
    return {
        "begun": iso(settings.begun),
        "ended": iso(settings.ended),
        "days": settings.days,
        "seed": settings.seed,
        "fail": settings.fail,
        "foreign": settings.foreign,
        "create_time_s": seconds(settings.create_time),
        "outages": [{"begun": iso(each.begun), "ended": iso(each.ended)} for each in settings.outages],
    }


def _server(server: ServerStory, story: Story, settings: Settings) -> dict[str, Any]:
    found = figures(server, story)
    policy = server.policy
    return {
        "server_id": policy.server_id,
        "server": policy.server,
        "policy": policy.name or None,
        "schedule": policy.schedule.text,
        "timezone": policy.schedule.timezone,
        "keep": policy.keep.total,
        "restore_points": [_point(life, story.ended) for life in reversed(found.points)],
        "longest_gap_s": found.gap and seconds(found.gap.span),
        "longest_gap_until": iso(found.gap.until) if found.gap else None,
        "filled_at": iso(found.reach.since) if found.reach else None,
        "least_reach_s": found.reach and seconds(found.reach.least),
        "greatest_reach_s": found.reach and seconds(found.reach.greatest),
        "slots": {fate.value: found.slots[fate] for fate in Fate},
        "failed_snapshots": found.failed,
        "deletes": {cause.value: found.deletes[cause] for cause in (Cause.SURPLUS, Cause.ROOM, Cause.FAILED)},
        "outages": [_outage(cost) for cost in found.outages],
        "notices": _notices(server, found, settings),
    }


def _point(life: Life, ended: datetime) -> dict[str, Any]:
    return {
        "name": life.name,
        "slot": iso(life.slot),
        "created_at": iso(life.born),
        "age_s": seconds(ended - life.born),
    }


def _outage(cost: OutageCost) -> dict[str, Any]:
    gap = None if cost.gap is None else seconds(cost.gap)
    return {"begun": iso(cost.outage.begun), "late": cost.late, "missed": cost.missed, "gap_s": gap}


def _notices(server: ServerStory, found: Figures, settings: Settings) -> list[dict[str, Any]]:
    told = [
        {"kind": each.kind, "text": each.text, "times": each.times, "first": iso(each.first)}
        for each in server.troubles
    ]
    told += [
        {"kind": kind, "text": text, "times": None, "first": None} for kind, text in doubts(server, found, settings)
    ]
    return sorted(told, key=lambda each: each["kind"] != NEVER)


def seconds(span: timedelta) -> int:
    """Whole seconds."""
    return round(span.total_seconds())
