"""The page: from what is known of all servers to HTML, of which nothing is marked safe by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import jinja2

from rotator import __version__
from rotator.naming import printable
from rotator.standing import Board
from rotator.web.assets import Asset, text
from rotator.web.glance import banners, coming, headline, wrongs
from rotator.web.health import LoopState, why_dead
from rotator.web.lines import Line, lines, page_of, wanted
from rotator.web.pictures import WIDTH, Axis, axis_over
from rotator.web.rows import Done, Row, allowed, done, row
from rotator.web.times import moment
from rotator.web.wish import Group, Sort, Wish

_MOST_DONE = 5
_MOST_ACTS = 6
"""Of one server: three rotations. With all that the board has, 50 servers would be more than 300 KB."""


class Page:
    """Renders what a visitor wants to see; the template is compiled once."""

    def __init__(self, known: Mapping[str, Asset]) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(text),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._template = environment.get_template("page.html")
        self._marks = {name.replace(".", "_"): asset.mark for name, asset in known.items()}

    def html(self, board: Board, loop: LoopState, wish: Wish, now: datetime) -> str:
        """The whole page as of `now`."""
        report = board.report(now)
        every = lines(loop.policies, {each.policy.server_id: each for each in report.outcomes}, now)
        chosen = wanted(every, wish)
        shown, number, pages = page_of(chosen, wish.page)
        axis, zone = _axis(every, now), _zone(every)
        wrong, more_wrong = wrongs(every, report.error, now)
        return self._template.render(
            headline=headline(every, report.error, why_dead(loop, now)),
            banners=banners(loop, report.error, now),
            coming=coming(every, zone, now),
            wrong=wrong,
            more_wrong=more_wrong,
            done=_lately_done(every, board, zone, now),
            counts={group.value: sum(1 for line in every if line.group is group) for group in Group},
            total=len(every),
            matching=len(chosen),
            rows=_rows(shown, board, axis, now),
            ticks=axis.ticks(now),
            width=WIDTH,
            wish=wish,
            sorts=[each.value for each in Sort],
            number=number,
            pages=pages,
            last_pass=moment(board.last_pass, zone, now) if board.last_pass else None,
            made=moment(now, zone, now),
            zone=zone,
            version=__version__,
            config=printable(loop.config),
            marks=self._marks,
        )


def _axis(every: list[Line], now: datetime) -> Axis:
    moments = [line.points[-1] for line in every if line.points]
    moments += [now - may for line in every if (may := allowed(line))]
    return axis_over(moments, now)


def _rows(shown: Sequence[Line], board: Board, axis: Axis, now: datetime) -> list[Row]:
    return [row(line, board.deeds(line.policy.server_id)[:_MOST_ACTS], axis, now) for line in shown]


def _lately_done(every: list[Line], board: Board, zone: str, now: datetime) -> list[tuple[str, Done]]:
    """The last calls for any server, newest first."""
    newest = [(deeds[0].at, line, deeds) for line in every if (deeds := board.deeds(line.policy.server_id))]
    newest.sort(key=lambda item: item[0], reverse=True)
    found = [(deed.at, line, deed) for _, line, deeds in newest[:_MOST_DONE] for deed in deeds[:_MOST_DONE]]
    found.sort(key=lambda item: item[0], reverse=True)
    return [(printable(line.policy.server), done(deed, zone, now)) for _, line, deed in found[:_MOST_DONE]]


def _zone(every: list[Line]) -> str:
    """The time zone that every policy has; UTC where they differ."""
    zones = {line.policy.schedule.timezone for line in every}
    return zones.pop() if len(zones) == 1 else "UTC"
