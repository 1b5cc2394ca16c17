"""Check-ins and webhooks against real receivers on loopback: good, slow, broken, and gone."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from rotator.config import CheckIn, NotifySettings, Target, Webhook
from rotator.engine import Kind, Report
from rotator.errors import ConfigError
from rotator.logs import Redactor
from rotator.notify import Notifier, Outlets, ProcessMemory, open_outlets, try_all
from rotator.notify.channels import MOST_BODY, CheckInOutlet, Ping, WebhookOutlet, signature
from rotator.notify.post import TIMEOUT, Answer, host_of, post, proxies
from rotator.notify.words import trial
from tests.builders import policy
from tests.components import needs_component
from tests.conftest import NOW
from tests.e2e.program import until
from tests.hostile import Behaviour, Hostile, dripping, http, once, pouring
from tests.passes import config, outcome
from tests.receivers import Receiver

SECRET_PATH = "5f2c8a8e-secret-of-this-test"
DAY = timedelta(days=1)
SHORT = 0.3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def test_a_check_in_goes_to_the_end_of_its_path_with_run_and_body(receiver: Receiver) -> None:
    outlet = CheckInOutlet(f"{receiver.url}/ping/abc?create=1", {})
    for verb in ("start", "", "fail", "69"):
        assert outlet.send(Ping(verb, "run-1", "the report: ü")) == Answer()
    assert receiver.paths == ["/ping/abc/start", "/ping/abc", "/ping/abc/fail", "/ping/abc/69"]
    for request in receiver.requests:
        assert parse_qs(urlsplit(request.path).query) == {"create": ["1"], "rid": ["run-1"]}
        assert request.body.decode() == "the report: ü"
        assert request.method == "POST"


def test_the_end_of_a_long_report_is_sent(receiver: Receiver) -> None:
    CheckInOutlet(receiver.url, {}).send(Ping("fail", "run-1", "a" * 200_000 + "the end"))
    assert len(receiver.requests[0].body) == MOST_BODY
    assert receiver.requests[0].body.endswith(b"athe end")


def test_a_webhook_is_json_with_a_signature_over_time_and_body(receiver: Receiver) -> None:
    outlet = WebhookOutlet(f"{receiver.url}/hook", "shared secret", lambda: NOW, {})
    assert outlet.send(trial(NOW, message_id="m1", host="backup-1")).ok
    (request,) = receiver.requests
    assert json.loads(request.body)["kind"] == "test"
    assert request.headers["content-type"] == "application/json"
    moment = request.headers["x-rotator-timestamp"]
    assert moment == str(int(NOW.timestamp()))
    assert request.headers["x-rotator-signature"] == signature("shared secret", moment, request.body)


def test_without_a_secret_nothing_is_signed_and_nothing_authorizes(receiver: Receiver) -> None:
    WebhookOutlet(receiver.url, None, lambda: NOW, {}).send(trial(NOW, message_id="m1", host="h"))
    assert not {"x-rotator-signature", "authorization", "cookie"} & receiver.requests[0].headers.keys()


def test_credentials_of_netrc_go_nowhere(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert post(receiver.url, b"", {}, {}).ok
    assert "authorization" not in receiver.requests[0].headers


@pytest.mark.parametrize(
    ("status", "passing", "words"),
    [
        (500, True, "answered 500"),
        (503, True, "answered 503"),
        (429, True, "answered 429"),
        (404, False, "answered 404: nothing is there; is the address right?"),
        (401, False, "answered 401: not allowed; is the address or its secret right?"),
        (302, False, "redirected (302); rotator follows none: write the final address"),
    ],
)
def test_a_refusal_is_told_in_words(status: int, passing: bool, words: str) -> None:
    with Receiver(status=lambda _: status) as receiver:
        assert post(f"{receiver.url}/{SECRET_PATH}", b"", {}, {}) == Answer(words, passing)
        assert receiver.paths == [f"/{SECRET_PATH}"]  # a redirect was not followed


SLOW = {
    "silence": dripping(b"", b""),
    "status line": dripping(b"HTTP/1.1 200 O", b"K"),
    "headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
}


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "by proxy"])
def test_a_slow_receiver_or_proxy_costs_no_more_than_the_time_limit(behave: Behaviour, proxied: bool) -> None:
    with Hostile(behave) as server:
        environ = {"http_proxy": server.url} if proxied else {}
        url = "http://receiver.example.org/x" if proxied else server.url
        begun = time.monotonic()
        assert post(url, b"x", {}, environ, SHORT) == Answer(f"no answer within {SHORT} s", passing=True)
        assert time.monotonic() - begun < SHORT + 2


def test_an_endless_answer_is_not_read() -> None:
    with Hostile(pouring(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)) as server:
        assert post(server.url, b"", {}, {}, 5).ok


def test_a_closed_port_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = post(f"http://127.0.0.1:{port}/{SECRET_PATH}", b"", {}, {})
    assert answer == Answer("no answer: Connection refused", passing=True)


def test_an_unknown_name_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    answer = post(f"http://no-such-host.invalid/{SECRET_PATH}", b"", {}, {})
    assert answer == Answer("its name cannot be resolved; check the address and DNS", passing=True)


def test_nonsense_is_told_in_words() -> None:
    with Hostile(once(b"SMTP ready\r\n\r\n")) as server:
        answer = post(f"{server.url}/{SECRET_PATH}", b"", {}, {})
    assert not answer.ok
    assert SECRET_PATH not in answer.words
    assert len(answer.words) < 100


@pytest.mark.component
def test_a_certificate_that_nobody_vouches_for_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    openssl = needs_component("openssl")
    file, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *words, *names, "-keyout", key, "-out", file], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    with Hostile(once(http(200)), context) as server:
        answer = post(f"{server.url}/{SECRET_PATH}", b"", {}, {})
        assert server.requests == []
    assert not answer.passing
    assert answer.words.startswith("its certificate cannot be verified (self")


class TestProxy:
    def test_the_proxy_of_the_environment_is_used(self, receiver: Receiver) -> None:
        """The receiver plays the proxy: it gets the whole address."""
        assert post("http://hc.example.org/abc", b"", {}, {"http_proxy": receiver.url}).ok
        assert receiver.requests[0].path == "http://hc.example.org/abc"

    @pytest.mark.parametrize(
        ("environ", "used"),
        [
            ({}, None),
            ({"https_proxy": "http://p:1"}, "http://p:1"),
            ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
            ({"http_proxy": "http://p:1"}, None),
            ({"ALL_PROXY": "http://p:1"}, "http://p:1"),
            ({"https_proxy": "http://p:1", "no_proxy": "localhost, .example.org"}, None),
            ({"https_proxy": "http://p:1", "NO_PROXY": "*"}, None),
            ({"https_proxy": "http://p:1", "no_proxy": "ample.org"}, "http://p:1"),
        ],
    )
    def test_which_proxy(self, environ: dict[str, str], used: str | None) -> None:
        assert proxies("https://hc.example.org/abc", environ) == ({"https": used} if used else {})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:pw@hc.example.org/abc?x=y", "hc.example.org"),
        ("http://127.0.0.1:8000/abc", "127.0.0.1:8000"),
        ("https://[::1/abc", "?"),
        ("nonsense", "?"),
    ],
)
def test_of_an_address_only_host_and_port_are_shown(url: str, host: str) -> None:
    assert host_of(url) == host


class TestOutlets:
    def test_addresses_and_secrets_come_from_files_and_are_hidden(self, tmp_path: Path, receiver: Receiver) -> None:
        (tmp_path / "url").write_text(f"{receiver.url}/{SECRET_PATH}?key=0123456789abcdef\n")
        (tmp_path / "secret").write_text("the shared secret\n")
        target = Target(url_file=Path("$CREDENTIALS_DIRECTORY/url"))
        webhook = Webhook(target, tmp_path / "secret")
        redactor = Redactor()
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        outlets = open_outlets(NotifySettings(DAY, webhooks=(webhook,)), lambda: NOW, redactor, environ)
        assert outlets.messengers[0].send(trial(NOW, message_id="m", host="h")).ok
        assert receiver.paths == [f"/{SECRET_PATH}"]
        line = f"POST /{SECRET_PATH}?key=0123456789abcdef the shared secret, {SECRET_PATH} 0123456789abcdef"
        cleaned = redactor.clean(line)
        assert SECRET_PATH not in cleaned
        assert "0123456789abcdef" not in cleaned
        assert "the shared secret" not in cleaned
        assert redactor.clean("notify via 127.0.0.1") == "notify via 127.0.0.1"

    def test_every_file_that_cannot_be_used_is_told_at_once(self, tmp_path: Path) -> None:
        gone = Target(url_file=tmp_path / "gone")
        settings = NotifySettings(DAY, (CheckIn(gone, DAY),), (Webhook(gone),), (gone,))
        with pytest.raises(ConfigError) as caught:
            open_outlets(settings, lambda: NOW, Redactor(), {})
        assert [problem.partition(":")[0] for problem in caught.value.problems] == [
            "notify.check_ins[0].url_file",
            "notify.webhooks[0].url_file",
            "notify.apprise[0].url_file",
        ]

    def test_nobody_configured_is_nobody_told(self) -> None:
        assert open_outlets(None, lambda: NOW, Redactor(), {}) == Outlets()

    def test_a_trial_sends_one_of_each(self, receiver: Receiver) -> None:
        target = Target(receiver.url)
        settings = NotifySettings(DAY, (CheckIn(target, DAY),), (Webhook(target),))
        outlets = open_outlets(settings, lambda: NOW, Redactor(), {})
        tried = list(try_all(outlets, NOW, time.monotonic, lambda: "run-1", "backup-1"))
        assert [(each.outlet.kind, each.what, each.answer.ok) for each in tried] == [
            ("check-in", "start", True),
            ("check-in", "fail", True),
            ("check-in", "success", True),
            ("webhook", "test", True),
        ]
        assert receiver.paths == ["/start", "/fail", "/", "/"]


Make = Callable[..., Notifier]


@pytest.fixture
def notifiers() -> Iterator[Make]:
    made: list[Notifier] = []

    def make(url: str, *, lasting: bool = False) -> Notifier:
        target = Target(f"{url}/{SECRET_PATH}")
        settings = NotifySettings(DAY, (CheckIn(target, DAY),), (Webhook(target),))
        made.append(Notifier.create(settings, ProcessMemory(), lambda: NOW, Redactor(), {}, lasting=lasting))
        return made[-1]

    yield make
    for notifier in made:
        notifier.closing("the test is over")


def rotate(notifier: Notifier, kind: Kind = Kind.FAILED) -> None:
    web = policy()
    notifier.configured(config(web), NOW)
    notifier.passed(Report((outcome(web, kind, "the list fails"),)), NOW)


class TestWholeWay:
    def test_a_one_shot_tells_start_trouble_and_exit_status(self, notifiers: Make, receiver: Receiver) -> None:
        notifier = notifiers(receiver.url)
        notifier.began()
        rotate(notifier)
        notifier.finished(1, "1 server: 0 created, 0 deleted, 1 with problems")
        assert receiver.paths == [f"/{SECRET_PATH}{end}" for end in ("/start", "", "/1")]
        assert json.loads(receiver.requests[1].body)["events"][0]["kind"] == "failing"
        assert receiver.requests[2].body == b"1 server: 0 created, 0 deleted, 1 with problems"

    def test_a_receiver_that_fails_at_first_gets_it_in_the_end(
        self, notifiers: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        statuses = iter([503, 503])
        with Receiver(status=lambda _: next(statuses, 200)) as receiver:
            notifier = notifiers(receiver.url)
            notifier._outbox._waits = (0.05, 0.05, 0.05)
            with capture_logs() as lines:
                rotate(notifier)
                notifier.finished(1, "report")
        assert [line["event"] for line in lines].count("notification_sent") == 2
        assert SECRET_PATH not in str(lines)
        assert {line["host"] for line in lines} == {host_of(receiver.url)}

    def test_a_receiver_that_is_gone_fails_nothing(self, notifiers: Make) -> None:
        with Receiver() as receiver:
            url = receiver.url
        notifier = notifiers(url)
        notifier._outbox._waits = ()
        with capture_logs() as lines:
            notifier.began()
            rotate(notifier)
            notifier.finished(1, "report")
        assert {line["event"] for line in lines} == {"notification_failed"}
        assert {line["log_level"] for line in lines} == {"warning"}
        assert SECRET_PATH not in str(lines)

    def test_the_daemon_ends_in_time_while_a_receiver_hangs(
        self, notifiers: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rotator.notify.notifier.DAEMON_PATIENCE", 0.3)
        with Hostile(dripping(b"", b"")) as server:
            notifier = notifiers(server.url, lasting=True)
            rotate(notifier)
            begun = time.monotonic()
            notifier.closing("asked to stop")
            assert time.monotonic() - begun < TIMEOUT, "it waited for the receiver"
            worker = notifier._outbox._thread
            assert worker
        worker.join(10)  # its receiver is gone by now
        assert not worker.is_alive()

    def test_the_loop_never_waits_for_a_receiver(self, notifiers: Make) -> None:
        with Hostile(dripping(b"", b"")) as server:
            notifier = notifiers(server.url, lasting=True)
            begun = time.monotonic()
            rotate(notifier, Kind.ACTED)
            notifier.woke(NOW + timedelta(minutes=1))
            assert time.monotonic() - begun < TIMEOUT, "it waited for the receiver"
            until("it is being sent", lambda: server.requests)
        worker = notifier._outbox._thread
        notifier.closing("the test is over")
        assert worker
        worker.join(10)
        assert not worker.is_alive()

    def test_the_log_gets_its_own_handler_back(self, notifiers: Make, receiver: Receiver) -> None:
        before = [*logging.getLogger().handlers]
        notifier = notifiers(receiver.url)
        assert len(logging.getLogger().handlers) == len(before) + 1
        notifier.finished(0, "")
        assert logging.getLogger().handlers == before


class TestReload:
    def test_new_addresses_are_used_from_then_on(self, notifiers: Make, receiver: Receiver) -> None:
        notifier = notifiers("http://127.0.0.1:9", lasting=True)
        web = policy()
        notifier.configured(config(web), NOW)
        moved = NotifySettings(DAY, webhooks=(Webhook(Target(f"{receiver.url}/moved")),))
        notifier.configured(config(web, notify=moved), NOW)
        notifier.passed(Report((outcome(web, Kind.FAILED, "the list fails"),)), NOW)
        notifier.closing("asked to stop")
        assert receiver.paths == ["/moved"]

    def test_addresses_that_cannot_be_used_leave_the_old_ones(
        self, notifiers: Make, receiver: Receiver, tmp_path: Path
    ) -> None:
        notifier = notifiers(receiver.url, lasting=True)
        web = policy()
        notifier.configured(config(web), NOW)
        bad = NotifySettings(DAY, webhooks=(Webhook(Target(url_file=tmp_path / "gone")),))
        with capture_logs() as lines:
            notifier.configured(config(web, notify=bad), NOW)
        assert [line["event"] for line in lines] == ["config_warning"]
        assert "there is no such file" in lines[0]["reason"]
        notifier.passed(Report((outcome(web, Kind.FAILED, "the list fails"),)), NOW)
        notifier.closing("asked to stop")
        assert receiver.paths == [f"/{SECRET_PATH}"]
