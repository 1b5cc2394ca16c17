"""The services that Apprise knows, as outlets; imported only where `notify.apprise` is configured."""

from __future__ import annotations

import logging
import threading
from typing import Any

from rotator.errors import ConfigError
from rotator.logs import Redactor
from rotator.notify.alerts import News
from rotator.notify.channels import Ping
from rotator.notify.post import TIMEOUT, Answer, host_of
from rotator.notify.words import Message

LONGEST = 30.0
"""Seconds one service may take: several connections, each with time-outs of its own that a slow peer can stretch."""

_TYPES = {News.RAISED: "failure", News.REMINDER: "warning", News.CLEARED: "success", News.TEST: "info"}

_WITH_HOST = ("mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms", "gotify", "gotifys")


class _Said(logging.Handler):
    """Keeps what Apprise said last, in whichever thread of its own; one message is sent at a time."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._words = ""

    def emit(self, record: logging.LogRecord) -> None:
        self._words = record.getMessage()

    def take(self) -> str:
        words, self._words = self._words, ""
        return words


_said = _Said()


def _apprise() -> Any:
    """The library, whose own log lines go nowhere: they may repeat an address."""
    library = logging.getLogger("apprise")
    library.handlers[:] = [_said]
    library.propagate = False
    library.setLevel(logging.WARNING)
    try:
        import apprise  # logs already while it is imported
    except ImportError:
        remedy = "install it with pip install 'vps-rotator[apprise]', or remove notify.apprise"
        raise ConfigError((f"notify.apprise: the package apprise is not installed; {remedy}",)) from None
    return apprise


class ServiceOutlet:
    """One service by its Apprise address."""

    kind = "apprise"

    def __init__(self, url: str, what: str, redactor: Redactor, *, timeout: float = TIMEOUT, longest: float = LONGEST):
        apprise = _apprise()
        asset = apprise.AppriseAsset(async_mode=False, secure_logging=True, app_id="rotator", app_url="")
        # Its own time limit works by threads that Python waits for at its end. Releases before 2.2 have no argument.
        asset._service_timeout = 0.0  # noqa: SLF001
        self._service = apprise.Apprise(asset=asset)
        if not self._service.add(url):
            _said.take()
            scheme = url.partition("://")[0]
            remedy = "compare it with Apprise's documentation"
            raise ConfigError((f"{what}: Apprise does not take this {scheme}:// address; {remedy}",))
        for service in self._service:
            service.socket_connect_timeout = min(service.socket_connect_timeout or timeout, timeout)
            service.socket_read_timeout = min(service.socket_read_timeout or timeout, timeout)
        self._redactor = redactor
        self._longest = longest
        self._thread: threading.Thread | None = None
        self.host = _place(url)

    def send(self, content: Ping | Message) -> Answer:
        """Tell the service, and give it up when it takes too long: its thread then ends by its own time-outs."""
        if not isinstance(content, Message):
            raise TypeError("a service takes messages only")
        if self._thread is not None and self._thread.is_alive():
            return Answer("it still works on an earlier message", passing=True)
        answers: list[Answer] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._tell(content)), name="rotator-apprise", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system allows no more threads
            return Answer(f"no thread to send it with: {error}", passing=True)
        self._thread = thread
        thread.join(self._longest)
        return answers[0] if answers else Answer(f"no answer within {self._longest:g} s", passing=True)

    def _tell(self, content: Message) -> Answer:
        _said.take()
        try:
            told = self._service.notify(body=content.text, title=content.title, notify_type=_TYPES[content.news])
        except Exception as error:  # noqa: BLE001 - a hundred services of others, and none may end the worker
            return Answer(f"Apprise failed ({type(error).__name__})", passing=True)
        words = self._redactor.clean(_said.take())[:200]
        return Answer() if told else Answer(f"Apprise: {words or 'the service did not take it'}", passing=True)


def _place(url: str) -> str:
    """The scheme, and the host where Apprise surely means a host by it: for many services it is a part of a secret."""
    scheme = url.partition("://")[0].lower()
    return f"{scheme}://{host_of(url)}" if scheme in _WITH_HOST else f"{scheme}://…"
