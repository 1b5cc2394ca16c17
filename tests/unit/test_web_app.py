"""The status page's application without a socket: who may ask, what is answered, what the page says."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rotator.engine import Report
from rotator.errors import ConfigError, UnreachableError
from rotator.model import LONGEST_TURN, Policy
from rotator.standing import Board, status_json
from rotator.web.answers import accepts_gzip
from rotator.web.app import App
from rotator.web.gate import Gate
from rotator.web.health import LoopState
from rotator.web.listen import place_of
from rotator.web.recent import Recent
from rotator.web.wish import Group, Sort, Wish, wish_of
from tests.builders import policy
from tests.showcase import LATER, board_of, fleet, looked_at

ROOT = Path(__file__).parents[2]
LOOPBACK = place_of("127.0.0.1:9187")
OUTAGE = UnreachableError("the API cannot be reached: connection refused; check the network")


def app_of(
    board: Board, policies: tuple[Policy, ...], gate: Gate | None = None, metrics: Any = None, **loop: Any
) -> App:
    app = App(board, gate or Gate(LOOPBACK), lambda: LATER, metrics)
    app.loop = LoopState(**{"config": "/etc/rotator/config.yaml", "policies": policies, "turned": LATER, **loop})
    return app


def shown(count: int = 3, *, gate: Gate | None = None, metrics: Any = None, **states: Any) -> App:
    policies = fleet(count)
    return app_of(board_of(policies, **states), policies, gate, metrics)


class Got:
    """What an application answers to one request."""

    def __init__(self, app: App, target: str = "/", method: str = "GET", **headers: str) -> None:
        path, _, query = target.partition("?")
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "localhost:9187"}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        self.body = b"".join(app(environ, self._start))

    def _start(self, line: str, headers: list[tuple[str, str]]) -> None:
        self.status = int(line[:3])
        self.headers = dict(headers)
        assert len(self.headers) == len(headers), "no header twice"

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Outline(HTMLParser):
    """Elements with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def names_in(html: str) -> list[str]:
    return re.findall(r'<th scope="row">([^<]*)</th>', html)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_anything_but_get_and_head_is_refused(method: str) -> None:
    got = Got(shown(), method=method)
    assert got.status == 405
    assert got.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("target", ["/", "/status.json", "/healthz", "/app.css", "/nowhere"])
def test_head_answers_with_the_headers_of_get_and_no_body(target: str) -> None:
    app = shown()
    head, get = Got(app, target, "HEAD"), Got(app, target)
    assert head.body == b""
    assert head.headers == get.headers
    assert head.headers["Content-Length"] == str(len(get.body))


@pytest.mark.parametrize(
    "target", ["/", "/status.json", "/healthz", "/readyz", "/metrics", "/app.js", "/nowhere", "/x/../"]
)
def test_every_answer_carries_the_headers_that_confine_it(target: str) -> None:
    headers = Got(shown(), target).headers
    policy_text = headers["Content-Security-Policy"]
    assert policy_text.startswith("default-src 'none'; ")
    assert "unsafe" not in policy_text
    assert "frame-ancestors 'none'" in policy_text
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Server" not in headers


def test_data_is_never_kept_by_a_browser() -> None:
    for target in ("/", "/status.json", "/healthz", "/readyz"):
        assert Got(shown(), target).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:9187",
        "localhost:8080",
        "127.0.0.1:9187",
        "[::1]:9187",
        "10.0.0.7",
        "status.example.org.",
    ],
)
def test_own_names_and_addresses_are_answered_whatever_the_port(host: str) -> None:
    assert Got(shown(gate=Gate(LOOPBACK, ["Status.Example.org"])), host=host).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.evil.example", "[evil]"])
def test_a_foreign_host_name_gets_nothing(host: str) -> None:
    got = Got(shown(), "/status.json", host=host)
    assert got.status == 421
    assert b"web.hosts" in got.body
    assert b"web-0001" not in got.body


def test_any_host_may_be_asked_for_over_a_unix_socket() -> None:
    gate = Gate(place_of("/run/rotator/web.sock"))
    assert Got(shown(gate=gate), host="whatever.example").status == 200


def test_a_token_is_wanted_for_everything_but_the_health_checks() -> None:
    app = shown(gate=Gate(place_of("0.0.0.0:9187"), token="s3cret"))
    for target in ("/", "/status.json", "/metrics", "/app.css", "/nowhere"):
        refused = Got(app, target)
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert b"s3cret" not in refused.body
    assert Got(app, "/", authorization="Bearer s3cret").status == 200
    assert Got(app, "/healthz").json == {"alive": True, "reason": None}
    assert Got(app, "/readyz").json == {"ready": True}


@pytest.mark.parametrize("credentials", [{}, {"authorization": "Bearer guess"}])
def test_without_the_token_readiness_is_yes_or_no_and_nothing_else(credentials: dict[str, str]) -> None:
    policies = fleet(3)
    board = board_of(policies, troubled=2, error=OUTAGE)
    app = app_of(board, policies, Gate(place_of("0.0.0.0:9187"), token="s3cret"), problems=("line 3: no such key",))
    got = Got(app, "/readyz", **credentials)
    assert (got.status, got.json) == (503, {"ready": False})
    told = Got(app, "/readyz", authorization="Bearer s3cret").json["reasons"]
    assert {"the new configuration is not in force: line 3: no such key", str(OUTAGE)} <= {*told}
    assert any(reason.startswith("web-0001: ") for reason in told)


@pytest.mark.parametrize(
    "credentials", ["Bearer s3cre", "Bearer s3cret ", "s3cret", "Basic czNjcmV0", "bearer", "Bearer \xff€"]
)
def test_a_wrong_token_is_refused(credentials: str) -> None:
    app = shown(gate=Gate(place_of("0.0.0.0:9187"), token="s3cret"))
    assert Got(app, "/", authorization=credentials).status == 401


@pytest.mark.parametrize("listen", ["0.0.0.0:9187", "[::]:9187", "status.example.org:80", "10.1.2.3:9187"])
def test_listening_beyond_this_machine_without_a_token_is_an_error_with_its_remedy(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.token_file"):
        Gate(place_of(listen))


@pytest.mark.parametrize("listen", ["127.0.0.1:9187", "127.3.2.1:9187", "[::1]:9187", "localhost:0", "/run/x.sock"])
def test_listening_on_this_machine_alone_needs_no_token(listen: str) -> None:
    assert place_of(listen).is_private
    Gate(place_of(listen))


@pytest.mark.parametrize("listen", ["9187", "127.0.0.1", "127.0.0.1:99999", "::1:9187", "run/x.sock", "a b:1", ""])
def test_a_listen_that_is_no_address_is_an_error(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.listen"):
        place_of(listen)


def test_status_json_equals_what_the_board_reports() -> None:
    policies = fleet(3)
    board = board_of(policies, troubled=1)
    got = Got(app_of(board, policies), "/status.json")
    assert got.status == 200
    assert got.headers["Content-Type"] == "application/json"
    assert got.json == json.loads(json.dumps(status_json(board.report(LATER), LATER)))


def test_page_and_json_are_packed_for_who_accepts_it() -> None:
    app = shown(20)
    for target in ("/", "/status.json", "/app.css"):
        small, plain = Got(app, target, accept_encoding="br, gzip"), Got(app, target)
        assert small.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(small.body) == plain.body
        assert len(small.body) < len(plain.body)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("", False), ("br", False), ("gzip;q=0", False)],
)
def test_gzip_is_sent_only_if_it_is_asked_for(header: str, wanted: bool) -> None:
    assert accepts_gzip(header) is wanted


def test_style_and_script_are_kept_by_their_content() -> None:
    app = shown()
    html = Got(app).text
    for name in ("app.css", "app.js"):
        link = re.search(rf'"{re.escape(name)}\?(v=[0-9a-f]+)"', html)
        assert link
        got = Got(app, f"/{name}?{link[1]}")
        assert "immutable" in got.headers["Cache-Control"]
        assert Got(app, f"/{name}").headers["Cache-Control"] == "no-cache"
        again = Got(app, f"/{name}", if_none_match=got.headers["ETag"])
        assert (again.status, again.body) == (304, b"")


def test_other_files_of_the_package_are_not_served() -> None:
    for target in ("/page.html", "/app.py", "//app.css", "/../app.css", "/%2e%2e/app.css", "/favicon.ico"):
        assert Got(shown(), target).status == 404


def test_metrics_say_how_to_get_them_where_there_are_none() -> None:
    got = Got(shown(), "/metrics")
    assert got.status == 404
    assert b"metrics" in got.body


def test_metrics_are_handed_on_with_what_the_scraper_accepts() -> None:
    class Metrics:
        def exposition(self, accept: str) -> tuple[bytes, str]:
            return f"# {accept}\n".encode(), "text/x-metrics"

    got = Got(shown(metrics=Metrics()), "/metrics", accept="text/plain")
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, b"# text/plain\n", "text/x-metrics")


def test_a_fault_is_logged_and_answered_without_a_trace() -> None:
    class Broken:
        def exposition(self, accept: str) -> tuple[bytes, str]:
            raise RuntimeError("internal detail")

    with capture_logs() as log:
        got = Got(shown(metrics=Broken()), "/metrics")
    assert got.status == 500
    assert [(line["event"], line["log_level"]) for line in log] == [("internal_error", "error")]
    assert b"internal detail" not in got.body


def test_alive_as_long_as_the_loop_turns() -> None:
    policies = fleet(1)
    board = board_of(policies)
    assert Got(app_of(board, policies), "/healthz").json == {"alive": True, "reason": None}
    assert Got(app_of(board, policies, turned=LATER - LONGEST_TURN), "/healthz").status == 200
    hung = Got(app_of(board, policies, turned=LATER - LONGEST_TURN - timedelta(minutes=1)), "/healthz")
    assert hung.status == 503
    assert "has not turned for 4m" in hung.json["reason"]
    assert Got(app_of(board, policies, turned=None), "/healthz").status == 503


def test_ready_once_a_pass_was_fine() -> None:
    assert Got(shown(), "/readyz").json == {"ready": True, "reasons": []}
    waiting = Got(shown(unseen=3), "/readyz")
    assert (waiting.status, waiting.json["reasons"]) == (503, ["no pass was made yet"])


def test_not_ready_while_anything_is_wrong_and_says_what() -> None:
    troubled = Got(shown(troubled=1), "/readyz")
    assert troubled.status == 503
    assert troubled.json["reasons"][0].startswith("web-0001: create snapshot: the API answered 500")
    assert Got(shown(error=OUTAGE), "/readyz").json["reasons"] == [str(OUTAGE)]
    many = Got(shown(100, troubled=100), "/readyz").json["reasons"]
    assert len(many) == 21
    assert re.fullmatch(r"and \d+ more", many[-1])


def test_not_ready_with_a_configuration_that_was_refused() -> None:
    policies = fleet(1)
    app = app_of(board_of(policies), policies, problems=("line 3: no such key",))
    assert Got(app, "/readyz").json["reasons"] == ["the new configuration is not in force: line 3: no such key"]
    assert "line 3: no such key" in Outline(Got(app).text).text


@pytest.mark.parametrize(
    ("count", "states", "sentence"),
    [
        (1, {}, "The server is protected"),
        (3, {}, "All 3 servers are protected"),
        (1000, {}, "All 1,000 servers are protected"),
        (1000, {"busy": 7}, "All 1,000 servers are protected"),
        (3, {"troubled": 1}, "1 of 3 servers needs attention"),
        (1000, {"troubled": 3}, "3 of 1,000 servers need attention"),
        (3, {"unseen": 3}, "No server has been looked at yet"),
        (3, {"unseen": 1}, "2 of 3 servers are protected, the others unseen yet"),
        (3, {"troubled": 2, "error": OUTAGE}, "The whole account is in trouble"),
        (0, {}, "No server is configured"),
    ],
)
def test_the_first_sentence_says_whether_everything_is_protected(
    count: int, states: dict[str, Any], sentence: str
) -> None:
    html = Got(shown(count, **states)).text
    assert f'<h1 id="sentence">{sentence}</h1>' in html
    assert f"<title>{sentence} · rotator</title>" in html


def test_a_loop_that_hangs_is_said_before_anything_else() -> None:
    policies = fleet(2)
    html = Got(app_of(board_of(policies), policies, turned=LATER - timedelta(minutes=9))).text
    assert '<h1 id="sentence">rotator does not run as it should</h1>' in html
    assert "has not turned for 9m" in html


def test_trouble_is_told_in_words_with_what_to_do() -> None:
    text = Outline(Got(shown(troubled=2)).text).text
    assert "What is wrong" in text
    assert "rotator plan --server web-0001" in text
    assert "4 of 5 places are held by snapshots rotator does not own" in text
    assert "free a place" in text


def test_the_same_trouble_of_many_is_told_once() -> None:
    text = Outline(Got(shown(300, troubled=300)).text).text
    assert text.count("and 144 more") + text.count("and 69 more") >= 2
    assert len(Outline(Got(shown(300, troubled=300)).text).all("li")) < 300


def test_what_happens_next_comes_first_by_time() -> None:
    text = Outline(Got(shown(3)).text).text
    assert "Next: 12:00 in 2h · web-0003" in text


def test_last_actions_are_shown_with_their_reasons() -> None:
    text = Outline(Got(shown(1)).text).text
    assert "asked for rotator-20261123T020000Z slot is due" in text
    assert "deleted rotator-20261119T020000Z no rule wants it" in text


def test_each_server_says_its_places_in_letters_and_words() -> None:
    html = Got(shown(2, troubled=2)).text
    assert 'aria-label="2 restore points, 1 failed, 1 unknown status, 1 free"' in html
    assert 'aria-label="1 restore point, 4 not ours"' in html


def test_age_is_shown_against_what_is_allowed() -> None:
    text = Outline(Got(shown(2, troubled=1)).text).text
    assert "4d late: 2d allowed" in text
    assert "of 2d allowed" in text


def test_max_age_is_what_is_allowed_where_it_is_set() -> None:
    strict = policy(max_age=timedelta(hours=3), server="strict")
    board = Board()
    board.configured([strict])
    board.passed(Report((looked_at(strict, [], LATER),)), LATER)
    text = Outline(Got(app_of(board, (strict,))).text).text
    assert "none late: 3h allowed" in text
    assert "max_age 180m" in text or "max_age 3h" in text


def test_a_list_is_found_sorted_and_paged_without_a_script() -> None:
    app = shown(120, troubled=2)
    assert names_in(Got(app).text)[:2] == ["web-0001", "web-0002"]
    assert len(names_in(Got(app).text)) == 50
    assert names_in(Got(app, "/?q=WEB-011").text) == [f"web-{number:04d}" for number in range(110, 120)]
    assert names_in(Got(app, "/?show=attention").text) == ["web-0001", "web-0002"]
    assert names_in(Got(app, "/?sort=-name").text)[0] == "web-0120"
    assert names_in(Got(app, "/?sort=name&page=3").text)[0] == "web-0101"
    assert names_in(Got(app, "/?sort=name&page=999999").text)[-1] == "web-0120"
    assert names_in(Got(app, "/?q=held+by+snapshots").text) == ["web-0002"]
    assert "No server matches." in Got(app, "/?q=nothing-like-it").text


def test_sorting_by_age_begins_with_the_oldest_and_by_next_with_the_soonest() -> None:
    app = shown(4)
    assert names_in(Got(app, "/?sort=age").text)[0] == "web-0004"
    assert names_in(Got(app, "/?sort=next").text)[0] == "web-0003"


def test_the_sorted_column_says_so() -> None:
    html = Got(shown(4), "/?sort=-name").text
    assert html.count('aria-sort="descending"') == 1
    assert html.count('aria-sort="none"') == 3


@pytest.mark.parametrize(
    "query", ["sort=evil&show=evil&page=-1", "page=9999999", "page=²", "q=%ff%fe", "&".join(["a=1"] * 50), "=", "%"]
)
def test_an_odd_query_means_the_usual(query: str) -> None:
    wish = wish_of(query)
    assert (wish.group, wish.sort, wish.page) == (None, Sort.PROBLEMS, 1)
    assert Got(shown(), f"/?{query}").status == 200


def test_links_keep_what_else_was_asked_for() -> None:
    wish = Wish("a&b <c>", Group.ATTENTION, Sort.AGE, backwards=True, page=2)
    for link in (wish.turned_to(3), wish.sorted_by("name"), wish.showing("ok")):
        assert wish_of(link.removeprefix("?")).text == "a&b <c>"
    assert wish_of(wish.turned_to(3).removeprefix("?")) == Wish("a&b <c>", Group.ATTENTION, Sort.AGE, True, 3)
    assert wish_of(wish.sorted_by("age").removeprefix("?")).backwards is False


def test_the_page_of_a_thousand_servers_is_small_whatever_their_state() -> None:
    for troubled in (0, 3, 1000):
        html = Got(shown(1000, troubled=troubled)).body
        assert len(html) <= 300_000


def test_a_page_names_nothing_beyond_itself() -> None:
    outline = Outline(Got(shown(5, troubled=2)).text)
    links = [value for _, attributes in outline.tags for name, value in attributes.items() if name in ("href", "src")]
    assert links
    assert not [link for link in links if link and ("//" in link or link.startswith("/"))], "it works below any path"
    assert not [attributes for _, attributes in outline.tags if "style" in attributes]
    assert not [name for _, attributes in outline.tags for name in attributes if name.startswith("on")]


def test_a_question_asked_again_within_a_second_is_answered_from_memory() -> None:
    made: list[int] = []
    recent = Recent()

    def make() -> Any:
        made.append(1)
        return object()

    first = recent.answer("/", LATER, make)
    assert recent.answer("/", LATER + timedelta(milliseconds=900), make) is first
    assert recent.answer("/", LATER + timedelta(seconds=1), make) is not first
    for number in range(50):
        recent.answer(number, LATER, make)
    assert len(recent._made) <= 8


def test_a_pass_is_seen_at_once() -> None:
    policies = fleet(1)
    board = board_of(policies, unseen=1)
    app = app_of(board, policies)
    assert "No server has been looked at yet" in Got(app).text
    board.passed(Report((looked_at(policies[0], [], LATER),)), LATER)
    assert "No server has been looked at yet" not in Got(app).text


def test_a_page_without_its_packages_is_an_error_with_the_remedy() -> None:
    code = """
import sys
sys.modules["waitress"] = None
from rotator.config import WebSettings
from rotator.errors import ConfigError
from rotator.web import new_site
try:
    new_site(WebSettings("127.0.0.1:0"), None, None, {})
except ConfigError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "vps-rotator[web]" in done.stdout


@pytest.mark.parametrize("missing", ["jinja2", "markupsafe"])
def test_all_but_the_page_is_served_without_the_packages_of_the_page_alone(missing: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from tests.unit.test_web_app import Got, shown

class Metrics:
    def exposition(self, accept):
        return b"# metrics", "text/plain"

app = shown(metrics=Metrics())
for target in ("/metrics", "/status.json", "/healthz", "/readyz", "/"):
    print(Got(app, target).status)
print(Got(app).text)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    *statuses, words = done.stdout.split(maxsplit=5)
    assert statuses == ["200", "200", "200", "200", "404"]
    assert "pip install 'vps-rotator[web]'" in words


def test_the_packages_of_the_page_are_not_imported_before_it_is_wanted() -> None:
    code = "import sys, rotator.web, rotator.standing; print([n for n in ('waitress', 'jinja2') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
