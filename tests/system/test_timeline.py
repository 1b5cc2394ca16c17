"""The picture of a simulation in real Chromium: nothing covers a label, text stands out, paper takes it whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rotator.model import Keep
from rotator.simulate.story import Fate, ServerStory, Story
from rotator.simulate.timeline import timeline
from tests.builders import policy
from tests.components import needs_component
from tests.stories import DAY, HOUR, lived_through, renamed, server, story

pytestmark = pytest.mark.component

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]

WIDE = renamed(server(30, rules=policy(timezone="America/Argentina/ComodRivadavia", keep=Keep(2, 1, 1))), "W名<&>" * 40)
MANY = server(rules=policy(schedule="every hour"), fates=dict.fromkeys(range(200, 260), Fate.MISSED))

STORIES: dict[str, Story] = {
    "90 days": lived_through(),
    "hourly": story(MANY, outages=[(8 * DAY, 60 * HOUR), (9 * DAY, HOUR), (89 * DAY, 20 * HOUR)]),
    "nothing": story(ServerStory(policy(), (), ()), days=1),
    "wide names": story(WIDE, days=30),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = needs_component("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


Look = Callable[..., Any]


@pytest.fixture
def look(browser: Any, tmp_path: Path) -> Iterator[Look]:
    """Opens a picture as a document of its own; nothing else is asked for, nothing is complained about."""
    pages, faults = [], []

    def look(told: Story, **options: Any) -> Any:
        file = tmp_path / "timeline.svg"
        file.write_text("\n".join(timeline(told.servers, told)), encoding="utf-8")
        page = browser.new_page(**options)
        pages.append(page)
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: None if request.url == file.as_uri() else faults.append(request.url))
        page.goto(file.as_uri())
        return page

    yield look
    for page in pages:
        page.close()
    assert faults == []


@pytest.mark.parametrize("which", STORIES)
def test_every_text_is_inside_of_the_picture_and_none_covers_another(which: str, look: Look) -> None:
    page = look(STORIES[which])
    assert page.evaluate("document.documentElement.tagName") == "svg"
    assert page.evaluate("document.querySelectorAll('text').length") > 30
    assert page.evaluate(_OUTSIDE) == []
    assert page.evaluate(_COVERED) == []


_BOXES = """
  const boxes = [...document.querySelectorAll('text')].map(e => [e.textContent, e.getBoundingClientRect()]);
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
"""
_OUTSIDE = f"""() => {{ {_BOXES}
  const all = document.documentElement.getBoundingClientRect();
  return boxes.filter(([, b]) => b.left < all.left || b.right > all.right || b.top < all.top || b.bottom > all.bottom)
    .map(([text]) => text);
}}"""
_COVERED = f"""() => {{ {_BOXES}
  const found = [];
  boxes.forEach(([text, a], i) => boxes.slice(i + 1).forEach(([other, b]) => meet(a, b) && found.push([text, other])));
  const bars = [...document.querySelectorAll('.point,.foreign,.failed,.curve,.taken,.late,.missed')];
  const shapes = bars.map(e => e.getBoundingClientRect()).filter(b => b.width);
  boxes.forEach(([text, a]) => shapes.some(b => meet(a, b)) && found.push(text));
  return found;
}}"""


def test_text_and_shapes_stand_out_from_what_is_behind_them(look: Look) -> None:
    page = look(lived_through())
    for scheme, medium in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        page.emulate_media(media=medium, color_scheme=scheme)
        found = page.evaluate(_CONTRASTS)
        assert len(found["texts"]) > 30
        assert len(found["shapes"]) == 10
        assert [each for each in found["texts"] if each[0] < 4.5] == []
        assert [each for each in found["shapes"] if each[0] < 3] == []
        assert (found["paper"] > 0.9) == (scheme == "light" or medium == "print")
    assert {colour for _, _, colour in found["texts"]} <= {"rgb(0, 0, 0)", "rgb(51, 51, 51)"}


_CONTRASTS = """() => {
  const light = colour => colour.match(/\\d+/g).slice(0, 3).map(c => c / 255)
    .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const paper = light(getComputedStyle(document.querySelector('.paper')).fill);
  const ratio = colour => {
    const [x, y] = [light(colour), paper].sort((p, q) => q - p);
    return (x + .05) / (y + .05);
  };
  const texts = [...document.querySelectorAll('text')].map(e => [e, getComputedStyle(e).fill])
    .map(([e, colour]) => [ratio(colour), e.textContent, colour]);
  const names = ['point', 'foreign', 'wait', 'failed', 'cross', 'odd', 'curve', 'taken', 'late', 'missed'];
  const shapes = names.map(name => [document.querySelector('.' + name), name]).filter(([e]) => e).map(([e, name]) => {
    const style = getComputedStyle(e);
    return [ratio(style.stroke === 'none' ? style.fill : style.stroke), name];
  });
  return {texts, shapes, paper};
}"""


def test_ninety_days_are_one_page_of_paper_across(look: Look) -> None:
    assert pages_of(look(lived_through())) == 1


def test_each_of_several_servers_is_on_a_page_of_its_own_if_it_needs_one(look: Look) -> None:
    several = [renamed(server(), f"web-{number}") for number in range(3)]
    assert pages_of(look(story(*several))) == 3


def pages_of(page: Any) -> int:
    """How many pages its print has, all of them A4 landscape."""
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = [line for line in paper.splitlines() if b"/MediaBox" in line]
    assert all(b"[0 0 841." in line and b" 594." in line for line in boxes)
    return len(boxes)


def test_who_points_at_a_bar_is_told_what_it_is(look: Look) -> None:
    page = look(lived_through())
    title = page.evaluate(
        """() => {
          const box = document.querySelectorAll('.point')[9].getBoundingClientRect();
          const bar = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          return bar.parentNode.firstChild.textContent;
        }"""
    )
    assert title.startswith("rotator-")
    assert "asked for" in title
