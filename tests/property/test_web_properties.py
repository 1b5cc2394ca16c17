"""Whatever a server, a snapshot or a problem is called, the page shows it as text and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from rotator.engine import Kind, Outcome, Report
from rotator.model import Snapshot
from rotator.naming import printable
from rotator.standing import Board
from rotator.web.app import App
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import place_of
from rotator.web.wish import Group, Sort, Wish, wish_of
from tests.builders import policy
from tests.showcase import LATER, fine

HOSTILE = st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</title><script>alert(1)</script>",
        "{{ 7*7 }}{% raw %}",
        "\u202egnp.exe\u2066",
        "\x1b[2J\x00\r\n\x85\u2028",
        "javascript:alert(1)",
        "]]><!-- -->",
        "\ud800",
    ]
)
SEVERAL = st.builds("".join, st.lists(HOSTILE, min_size=2, max_size=3))
NAMES = st.one_of(HOSTILE, SEVERAL, st.text(min_size=1, max_size=30))
PLAIN = "plain"


class Skeleton(HTMLParser):
    """The elements of a page and the names of their attributes, without any text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.bones: list[tuple[str, ...]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.bones.append((tag, *(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.bones.append((f"/{tag}",))


def page(name: str, query: str = "") -> str:
    """The page of one server with everything that can be named called `name`."""
    each = policy(server=name, name=name, description=name)
    looked = fine(each, LATER)
    assert looked.observation
    extra = Snapshot("odd", each.server_id, name, name, name or "?", LATER)
    seen = replace(looked.observation, snapshots=(*looked.observation.snapshots, extra))
    board = Board()
    board.configured([each])
    problem = f"it failed: {name}"
    outcome = Outcome(each, Kind.FAILED, problem, looked.plan, seen, looked.done, (problem,))
    board.passed(Report((outcome,)), LATER)
    app = App(board, Gate(place_of("127.0.0.1:9187")), lambda: LATER)
    app.loop = LoopState(name, (each,), (name,), LATER)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": query, "HTTP_HOST": "localhost"}
    answer = app.answer(environ)
    assert answer.status == 200
    return answer.body.decode()


BONES = Skeleton(page(PLAIN)).bones


@settings(max_examples=30, deadline=None)
@given(NAMES)
def test_a_name_never_changes_the_structure_of_the_page(name: str) -> None:
    assert Skeleton(page(name)).bones == BONES


@settings(max_examples=30, deadline=None)
@given(NAMES)
def test_a_name_is_shown_with_everything_that_does_not_print_written_out(name: str) -> None:
    html = page(name)
    row = re.search(r'<th scope="row">(.*?)</th>', html, re.DOTALL)
    assert row
    assert unescape(row[1]) == printable(name)
    assert all(char.isprintable() or char == "\n" for char in html)


@settings(max_examples=30, deadline=None)
@given(NAMES)
def test_what_was_searched_for_comes_back_as_text(text: str) -> None:
    wish = Wish(text.strip()[:100].encode("utf-8", "replace").decode())
    bones = Skeleton(page(PLAIN, wish.turned_to(1).removeprefix("?"))).bones
    assert ("script", "src", "defer") in bones
    assert [bone for bone in bones if bone[0] == "script"] == [("script", "src", "defer")]


@settings(max_examples=30, deadline=None)
@given(NAMES, st.sampled_from([None, *Group]), st.sampled_from(Sort), st.booleans(), st.integers(1, 999))
def test_a_link_says_what_it_was_made_of(
    text: str, group: Group | None, sort: Sort, backwards: bool, page: int
) -> None:
    clean = text.encode("utf-8", "replace").decode().strip()[:100].strip()
    wish = Wish(clean, group, sort, backwards, page)
    assert wish_of(wish.turned_to(page).removeprefix("?")) == wish
