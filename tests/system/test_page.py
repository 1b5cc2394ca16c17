"""The status page in real Chromium: every size and state, with and without script, for eyes, keyboards and paper."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from rotator.engine import Report
from rotator.errors import UnreachableError
from rotator.model import Policy
from rotator.standing import Board
from rotator.web.app import App
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import listener_at, place_of
from rotator.web.server import WebServer
from tests.components import needs_component
from tests.showcase import LATER, board_of, fleet, looked_at

pytestmark = pytest.mark.component

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]
PHONE = {"width": 390, "height": 844}
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202eevil'
OUTAGE = UnreachableError("the API cannot be reached: connection refused; check the network")


@dataclass
class Shown:
    """A served page; its board and what the daemon says can be changed while it is looked at."""

    url: str
    app: App
    board: Board
    policies: tuple[Policy, ...]
    server: WebServer


@contextmanager
def serving(policies: tuple[Policy, ...], **states: Any) -> Iterator[Shown]:
    place = place_of("127.0.0.1:0")
    board = board_of(policies, **states)
    app = App(board, Gate(place), lambda: LATER)
    app.loop = LoopState("/etc/rotator/config.yaml", policies, (), LATER)
    server = WebServer(listener_at(place), app)
    server.start()
    try:
        yield Shown(f"http://127.0.0.1:{server.address[1]}/", app, board, policies, server)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = needs_component("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def three() -> Iterator[Shown]:
    with serving(fleet(3), troubled=1, busy=1) as shown:
        yield shown


@pytest.fixture(scope="module")
def thousand() -> Iterator[Shown]:
    with serving(fleet(1000), troubled=3, busy=2) as shown:
        yield shown


@pytest.fixture(scope="module")
def disaster() -> Iterator[Shown]:
    with serving(fleet(1000), troubled=600, error=OUTAGE) as shown:
        yield shown


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any) -> Iterator[Open]:
    """Opens a page in a browser of its own; at the end no error was on its console and nothing left its origin."""
    contexts, faults = [], []

    def visit(shown: Shown, query: str = "", **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        allowed = (shown.url, "data:")
        page.on("request", lambda request: None if request.url.startswith(allowed) else faults.append(request.url))
        page.goto(shown.url + query)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


def names(page: Any) -> list[str]:
    found: list[str] = page.locator("tbody th").all_inner_texts()
    return found


def is_scrolled_sideways(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("which", ["three", "thousand", "disaster"])
def test_structure_is_there_for_who_does_not_see_it(which: str, visit: Open, request: pytest.FixtureRequest) -> None:
    page = visit(request.getfixturevalue(which))
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    for landmark in ("main", "header", "footer", "[role=search]"):
        assert page.locator(landmark).count() == 1
    assert page.evaluate("[...document.querySelectorAll('input,select')].filter(e => !e.labels.length).length") == 0
    assert page.evaluate("[...document.querySelectorAll('th')].filter(e => !e.scope).length") == 0
    assert page.evaluate("[...document.querySelectorAll('svg')].filter(OUT).length".replace("OUT", _WORDLESS)) == 0
    assert (
        page.evaluate("[...document.querySelectorAll('a,button,summary')].filter(e => !e.innerText.trim()).length") == 0
    )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len({*ids})
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => +e.tagName[1])")
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


_WORDLESS = "e => e.getAttribute('aria-hidden') !== 'true' && !e.getAttribute('aria-label')"


def test_a_thousand_servers_load_soon_and_the_first_page_shows_those_in_trouble(visit: Open, thousand: Shown) -> None:
    page = visit(thousand)
    assert page.locator("h1").inner_text() == "3 of 1,000 servers need attention"
    assert names(page)[:3] == ["web-0001", "web-0002", "web-0003"]
    assert page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd") < 5000
    assert page.evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize") <= 300_000


@pytest.mark.parametrize("which", ["three", "thousand", "disaster"])
@pytest.mark.parametrize("width", [320, 390, 700, 1000, 1280])
def test_no_width_needs_scrolling_sideways(which: str, width: int, visit: Open, request: pytest.FixtureRequest) -> None:
    page = visit(request.getfixturevalue(which), viewport={"width": width, "height": 800})
    assert not is_scrolled_sideways(page)
    page.locator("summary").first.click()
    assert not is_scrolled_sideways(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["three", "disaster"])
def test_every_text_stands_out_from_what_is_behind_it(
    scheme: str, which: str, visit: Open, request: pytest.FixtureRequest
) -> None:
    page = visit(request.getfixturevalue(which), color_scheme=scheme)
    page.locator("summary").first.click()
    page.locator("summary").nth(1).click()
    found = page.evaluate(_CONTRASTS)
    assert len(found["texts"]) > 50
    assert [each for each in found["texts"] if each[0] < 4.5] == []
    assert [each for each in found["shapes"] if each[0] < 3] == []


_CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = colour => rgba(colour).slice(0, 3).map(c => c / 255)
    .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return 'white';
  };
  const texts = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.closest('svg,option') || !e.checkVisibility()) continue;
    texts.push([ratio(getComputedStyle(e).color, behind(e)), walk.currentNode.data.trim().slice(0, 40)]);
  }
  const root = getComputedStyle(document.documentElement);
  const pairs = [['own', 'card'], ['bad', 'card'], ['wait', 'card'], ['odd', 'card'], ['for', 'card'], ['soft', 'card'],
    ['on', 'own'], ['on', 'bad'], ['on', 'for'], ['own', 'win'], ['own', 'win-late']];
  const colour = name => root.getPropertyValue('--' + name).trim();
  return {texts, shapes: pairs.map(([a, b]) => [ratio(colour(a), colour(b)), a + ' on ' + b])};
}"""


def test_dark_is_dark(visit: Open, three: Shown) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light, dark = (visit(three, color_scheme=scheme).evaluate(background) for scheme in ("light", "dark"))
    assert brightness(light) > 200
    assert brightness(dark) < 50


def brightness(colour: str) -> float:
    parts = [int(part) for part in re.findall(r"\d+", colour)[:3]]
    return sum(parts) / 3


def test_everything_works_without_a_script(visit: Open, thousand: Shown) -> None:
    page = visit(thousand, java_script_enabled=False)
    assert page.locator("#auto").is_hidden()
    page.get_by_label("Find").fill("web-077")
    page.get_by_label("Sort by").select_option("name")
    page.get_by_role("button", name="Apply").click()
    assert names(page) == [f"web-{number:04d}" for number in range(770, 780)]
    page.get_by_role("link", name="Server", exact=True).click()
    assert names(page)[0] == "web-0779"
    page.get_by_role("link", name="show all").click()
    page.get_by_role("link", name="3 need attention").click()
    assert names(page) == ["web-0001", "web-0002", "web-0003"]
    page.locator("summary").first.click()
    assert page.get_by_role("heading", name="Last actions").first.is_visible()
    page.goto(thousand.url)
    page.get_by_role("link", name="next", exact=True).click()
    assert "page 2 of 20" in page.locator(".matching").inner_text()


def test_what_is_typed_filters_at_once_and_stays_in_the_address(visit: Open, thousand: Shown) -> None:
    page = visit(thousand)
    page.get_by_label("Find").press_sequentially("web-0999")
    page.locator("tbody").nth(1).wait_for(state="detached")
    assert names(page) == ["web-0999"]
    assert page.url.endswith("?q=web-0999")
    assert page.evaluate("document.activeElement.id") == "q"
    assert page.locator("[role=status]").inner_text().startswith("1 of 1,000 servers")
    page.reload()
    assert names(page) == ["web-0999"]


def test_a_refresh_shows_what_is_new_and_keeps_what_one_does(browser: Any, visit: Open) -> None:
    policies = fleet(2)
    with serving(policies) as shown:
        page = visit(shown)
        page.clock.install()
        page.reload()
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        shown.board.passed(Report((looked_at(policies[1], [], LATER),)), LATER)
        page.clock.run_for(31_000)
        page.get_by_role("heading", name="1 of 2 servers needs attention").wait_for()
        assert names(page) == ["web-0002", "web-0001"]
        opened = page.locator("details[open]")
        assert opened.count() == 1
        assert page.evaluate("document.activeElement.parentElement.id") == opened.get_attribute("id") == "d-10001"
        page.get_by_label("refresh every 30 s").uncheck()
        shown.app.loop = replace(shown.app.loop, turned=LATER - timedelta(hours=1))
        page.clock.run_for(61_000)
        assert page.locator("h1").inner_text() == "1 of 2 servers needs attention"


def test_a_page_that_cannot_be_refreshed_says_so(browser: Any) -> None:
    with serving(fleet(1)) as shown:
        page = browser.new_page()
        page.goto(shown.url)
        page.clock.install()
        page.reload()
    page.clock.run_for(31_000)
    page.get_by_text("not refreshed: rotator does not answer").wait_for(timeout=5000)
    page.close()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit: Open, three: Shown) -> None:
    page = visit(three)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the servers"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "servers"
    reached = []
    for _ in range(15):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(_FOCUSED))
    tags = [tag for tag, _ in reached]
    assert tags[:4] == ["INPUT", "SELECT", "SELECT", "BUTTON"]
    assert tags.count("SUMMARY") == 3
    assert all(outline >= 2 for _, outline in reached[:11])


_FOCUSED = """() => {
  const style = getComputedStyle(document.activeElement);
  return [document.activeElement.tagName, style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)];
}"""


def test_what_a_finger_touches_is_large_enough(visit: Open, three: Shown) -> None:
    page = visit(three, viewport=PHONE, has_touch=True)
    small = page.evaluate(
        "[...document.querySelectorAll('form input,form select,button,summary,.counts a')]"
        ".filter(e => e.getBoundingClientRect().height < 32).map(e => e.outerHTML)"
    )
    assert small == []


def test_on_paper_there_is_no_form_and_nothing_is_cut_off(visit: Open, three: Shown) -> None:
    page = visit(three)
    page.emulate_media(media="print", color_scheme="light")
    assert page.locator("form").is_hidden()
    assert page.locator("h1").is_visible()
    assert page.locator("tbody th").first.is_visible()
    page.set_viewport_size({"width": 720, "height": 1000})
    assert not is_scrolled_sideways(page)
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("width", [390, 1280])
def test_a_server_named_like_a_script_is_a_name(width: int, visit: Open) -> None:
    policies = tuple(replace(each, server=HOSTILE, name=HOSTILE * 3) for each in fleet(2))
    with serving(policies, troubled=1) as shown:
        page = visit(shown, viewport={"width": width, "height": 800})
        assert names(page)[0].startswith("<script>alert(1)</script>")
        assert "\\u202e" in names(page)[0]
        assert page.evaluate("document.scripts.length") == 1
        assert page.locator("img").count() == 0
        assert not is_scrolled_sideways(page)


def test_states_without_anything_to_show_are_told_in_words(visit: Open) -> None:
    with serving(fleet(3), unseen=3) as shown:
        assert visit(shown).locator("h1").inner_text() == "No server has been looked at yet"
    with serving(()) as shown:
        assert visit(shown).locator("h1").inner_text() == "No server is configured"


def test_a_refused_inline_script_is_the_only_thing_that_the_policy_finds(browser: Any, three: Shown) -> None:
    page = browser.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(three.url)
    page.evaluate(
        "const it = document.createElement('script'); it.textContent = 'window.done = 1'; document.body.append(it)"
    )
    assert page.evaluate("window.done") is None
    assert len(messages) == 1
    assert "Content Security Policy" in messages[0]
    page.close()


def test_no_thread_of_a_closed_page_stays() -> None:
    before = threading.active_count()
    with serving(fleet(1)):
        assert threading.active_count() > before
    assert threading.active_count() <= before
