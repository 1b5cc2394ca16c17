"""Services by way of Apprise: a real mail server with STARTTLS, and receivers that are slow, closed or refuse."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from rotator.errors import ConfigError
from rotator.logs import Redactor
from rotator.notify.channels import Ping
from rotator.notify.outlets import hide_address
from rotator.notify.post import Answer
from rotator.notify.services import ServiceOutlet
from rotator.notify.words import trial
from tests.components import needs_component
from tests.conftest import NOW
from tests.hostile import Hostile, Peer, dripping
from tests.receivers import Receiver

PASSWORD = "mail-password-of-this-test"
# A plugin of Apprise imports it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MESSAGE = trial(NOW, message_id="m1", host="backup-1")


class Mailbox:
    """Keeps what comes in."""

    def __init__(self) -> None:
        self.mails: list[tuple[bool, str, list[str], bytes]] = []

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the name of aiosmtpd
        self.mails.append((session.ssl is not None, session.auth_data, envelope.rcpt_tos, envelope.content))
        return "250 taken"


def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (b"backup", PASSWORD.encode())
    return AuthResult(success=good, handled=False, auth_data=data.login.decode())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, and its key, in one file."""
    openssl = needs_component("openssl")
    file = tmp_path_factory.mktemp("mail") / "cert.pem"
    key = file.with_suffix(".key")
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *words, *names, "-keyout", key, "-out", file], check=True, capture_output=True, timeout=60)
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


class MailServer(Controller):
    """On a free port, which is known once it listens."""

    def __init__(self, mailbox: Mailbox, context: ssl.SSLContext) -> None:
        super().__init__(
            mailbox,
            hostname="127.0.0.1",
            port=0,
            tls_context=context,
            require_starttls=True,
            authenticator=check,
            auth_required=True,
        )

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def mail_port(mailbox: Mailbox, certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    controller = MailServer(mailbox, context)
    controller.start()
    yield controller.port
    controller.stop()


def mail_address(port: int, password: str = PASSWORD) -> str:
    to = "from=rotator@example.org&to=ops@example.org"
    return f"mailto://backup:{password}@127.0.0.1:{port}/?smtp=127.0.0.1&mode=starttls&user=backup&{to}"


def outlet(url: str, redactor: Redactor | None = None, **limits: float) -> ServiceOutlet:
    redactor = redactor or Redactor()
    hide_address(url, redactor)
    return ServiceOutlet(url, "notify.apprise[0]", redactor, **limits)


@pytest.mark.component
class TestMail:
    def test_a_message_is_mailed_over_starttls_to_a_server_that_is_trusted(
        self, mail_port: int, mailbox: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert outlet(mail_address(mail_port)).send(MESSAGE) == Answer()
        ((secured, login, recipients, content),) = mailbox.mails
        assert (secured, login, recipients) == (True, "backup", ["ops@example.org"])
        mail = message_from_bytes(content, policy=policy.default)
        assert mail["Subject"] == MESSAGE.title
        body = mail.get_body(("plain", "html"))
        assert body is not None
        assert "rotator on backup-1 can reach you here" in body.get_content()

    def test_a_server_that_is_not_trusted_gets_neither_mail_nor_password(
        self, mail_port: int, mailbox: Mailbox
    ) -> None:
        answer = outlet(mail_address(mail_port)).send(MESSAGE)
        assert not answer.ok
        assert mailbox.mails == []
        assert PASSWORD not in answer.words

    def test_a_wrong_password_is_told_without_the_password(
        self, mail_port: int, mailbox: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        answer = outlet(mail_address(mail_port, "a-wrong-password")).send(MESSAGE)
        assert answer.words.startswith("Apprise: ")
        assert "a-wrong-password" not in answer.words
        assert mailbox.mails == []


def test_a_json_service_gets_title_text_and_kind() -> None:
    with Receiver() as receiver:
        assert outlet(receiver.url.replace("http", "json") + "/hook").send(MESSAGE).ok
        (request,) = receiver.requests
    assert request.path.startswith("/hook")
    for part in (MESSAGE.title, "can reach you here", "info"):
        assert part.encode() in request.body


def test_a_refusal_is_told_in_the_services_words_without_its_secret() -> None:
    with Receiver(status=lambda _: 500) as receiver:
        answer = outlet(f"json://user:hidden-password@{receiver.url[7:]}/hidden-path-of-this").send(MESSAGE)
    assert answer.passing
    assert answer.words.startswith("Apprise: ")
    assert "500" in answer.words
    assert "hidden" not in answer.words


def test_a_service_that_never_answers_costs_no_more_than_its_time() -> None:
    def hang(peer: Peer) -> None:
        peer.request()
        while True:
            peer.pause(0.05)

    with Hostile(hang) as server:
        service = outlet(f"json://127.0.0.1:{server.port}", timeout=0.3)
        begun = time.monotonic()
        assert not service.send(MESSAGE).ok
        assert time.monotonic() - begun < 10


def test_a_service_that_drips_for_ever_is_given_up_and_not_piled_up() -> None:
    with Hostile(dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as server:
        service = outlet(f"json://127.0.0.1:{server.port}", longest=0.3)
        assert service.send(MESSAGE) == Answer("no answer within 0.3 s", passing=True)
        assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())
        assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ThreadPool")]
        before = threading.active_count()
        assert service.send(MESSAGE) == Answer("it still works on an earlier message", passing=True)
        assert threading.active_count() <= before
        thread = service._thread
    assert thread is not None
    thread.join(10)
    assert not thread.is_alive()


def test_an_address_that_apprise_does_not_know_is_an_error_that_hides_it() -> None:
    with pytest.raises(ConfigError) as caught:
        outlet("nonsense://hidden-secret-of-this-test/abc")
    assert str(caught.value).startswith("notify.apprise[0]: Apprise does not take this nonsense:// address")
    assert "hidden" not in str(caught.value)


def test_without_the_package_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"pip install 'vps-rotator\[apprise\]'"):
        outlet("json://127.0.0.1:1")


def test_log_lines_of_apprise_go_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Receiver(status=lambda _: 500) as receiver:
        outlet(receiver.url.replace("http", "json") + "/hook").send(MESSAGE)
    assert not [record for record in caplog.records if record.name.startswith("apprise")]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("json://user:pw@127.0.0.1:8000/x", "json://127.0.0.1:8000"),
        ("ntfys://secret-topic", "ntfys://…"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://…"),
    ],
)
def test_of_an_address_only_what_is_no_secret_is_shown(url: str, shown: str) -> None:
    assert outlet(url).host == shown


def test_a_service_takes_messages_only() -> None:
    with pytest.raises(TypeError):
        outlet("json://127.0.0.1:1").send(Ping("start", "run"))
