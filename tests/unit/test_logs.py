"""Every log line is one JSON object or one readable line, in UTC, on stderr, and never shows the token."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pytest
import structlog

from rotator.logs import HIDDEN, Event, Redactor, is_journal, logger, setup, silence

TOKEN = "vps_live_s3cr3t"
AWKWARD_TOKENS = [
    TOKEN,
    'quo"s3cr3t',
    "apo's3cr3t",
    "both'and\"s3cr3t",
    "back\\s3cr3t",
    "s3cr3t\\",
    "\\'\"\\\\s3cr3t",
    "new\ns3cr3t",
    "tökén-€-s3cr3t",
]
LIBRARIES = ("urllib3", "schedule")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", *LIBRARIES)]
    before = [(each, each.level, each.handlers[:]) for each in loggers]
    yield
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def stderr_of(style: str, level: str, redactor: Redactor | None = None) -> io.StringIO:
    """Set logging up; what it writes to stderr from then on."""
    with redirect_stderr(io.StringIO()) as stderr:
        setup(style, level, redactor or Redactor())
    return stderr


def fail(error: Exception) -> NoReturn:
    raise error


Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Read:
    """Set up as JSON; the call gives the lines written so far."""
    stderr = stderr_of("json", "debug")
    return lambda: [json.loads(line) for line in stderr.getvalue().splitlines()]


class Stubborn(io.StringIO):
    """A stderr that fails as told."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, _: str) -> int:
        raise self.error


class TestJsonLines:
    def test_have_a_utc_timestamp_a_level_the_event_and_its_fields(self, lines: Read) -> None:
        logger().info(Event.SNAPSHOT_CREATED, server_id=12345, snapshot="nightly-20261123T020000Z", dry_run=False)
        [line] = lines()
        moment = datetime.fromisoformat(line.pop("timestamp"))
        assert moment.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
        assert line == {
            "level": "info",
            "event": "snapshot_created",
            "server_id": 12345,
            "snapshot": "nightly-20261123T020000Z",
            "dry_run": False,
        }

    @pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
    def test_name_their_level(self, lines: Read, level: str) -> None:
        getattr(logger(), level)(Event.PASS_STARTED)
        assert lines()[0]["level"] == level

    def test_stay_one_line_each_whatever_the_fields_hold(self, lines: Read) -> None:
        logger().warning(Event.API_ERROR, reason="first\nsecond\r\u2028third", at=datetime(2026, 11, 23, tzinfo=UTC))
        [line] = lines()
        assert line["reason"] == "first\nsecond\r\u2028third"
        assert line["at"] == "2026-11-23 00:00:00+00:00"

    def test_show_the_first_hundred_of_a_long_list(self, lines: Read) -> None:
        problems = tuple(f"config.yaml:{number}:1: wrong" for number in range(1, 1101))
        logger().error(Event.CONFIG_REJECTED, problems=problems[:100])
        logger().error(Event.CONFIG_REJECTED, problems=problems)
        whole, shortened = lines()
        assert tuple(whole["problems"]) == problems[:100]
        assert shortened["problems"] == [*problems[:100], "… and 1,000 more"]

    def test_carry_what_was_bound_to_the_pass(self, lines: Read) -> None:
        with structlog.contextvars.bound_contextvars(pass_id="7f3a"):
            logger().info(Event.PASS_STARTED)
            logging.getLogger("urllib3").warning("slow")
        logger().info(Event.PASS_FINISHED)
        assert [line.get("pass_id") for line in lines()] == ["7f3a", "7f3a", None]

    def test_hold_the_traceback_of_an_exception(self, lines: Read) -> None:
        try:
            fail(ValueError("broken row"))
        except ValueError:
            logger().error(Event.INTERNAL_ERROR, exc_info=True)
        [line] = lines()
        assert line["exception"].startswith("Traceback")
        assert line["exception"].endswith("ValueError: broken row")

    def test_of_libraries_look_the_same(self, lines: Read) -> None:
        logging.getLogger("urllib3.connectionpool").warning("Retrying %s", "/snapshots/", extra={"server_id": 7})
        [line] = lines()
        assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta(0)
        assert line == {"level": "warning", "event": "Retrying /snapshots/", "server_id": 7}

    def test_of_libraries_hold_tracebacks_too(self, lines: Read) -> None:
        try:
            fail(OSError("reset by peer"))
        except OSError:
            logging.getLogger("schedule").exception("job failed")
        [line] = lines()
        assert (line["event"], line["level"]) == ("job failed", "error")
        assert line["exception"].endswith("OSError: reset by peer")


class TestConsoleLines:
    def test_are_plain_text_where_stderr_is_no_terminal(self) -> None:
        stderr = stderr_of("console", "info")
        logger().info(Event.SNAPSHOT_DELETED, server="web-server-01", reason="surplus")
        logging.getLogger("urllib3").warning("slow answer")
        first, second = stderr.getvalue().splitlines()
        assert "\x1b" not in first
        assert datetime.fromisoformat(first.split()[0]).utcoffset() == timedelta(0)
        assert "info" in first
        assert "snapshot_deleted" in first
        assert "server=web-server-01" in first
        assert "reason=surplus" in first
        assert "warning" in second
        assert "slow answer" in second

    @pytest.mark.parametrize(("no_color", "colours"), [("", True), ("1", False)])
    def test_are_coloured_on_a_terminal_unless_no_color_is_set(
        self, monkeypatch: pytest.MonkeyPatch, no_color: str, colours: bool
    ) -> None:
        terminal = io.StringIO()
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("NO_COLOR", no_color)
        setup("console", "info", Redactor())
        logger().info(Event.DAEMON_STARTED)
        assert ("\x1b" in terminal.getvalue()) is colours
        assert "daemon_started" in terminal.getvalue()

    def test_show_tracebacks_as_python_does(self) -> None:
        stderr = stderr_of("console", "info")
        try:
            fail(ValueError("broken row"))
        except ValueError:
            logger().error(Event.INTERNAL_ERROR, exc_info=True)
        shown = stderr.getvalue()
        assert "Traceback (most recent call last)" in shown
        assert "ValueError: broken row" in shown


class TestLevels:
    @pytest.mark.parametrize(
        ("level", "shown"),
        [
            ("debug", ["debug", "info", "warning", "error"]),
            ("info", ["info", "warning", "error"]),
            ("warning", ["warning", "error"]),
            ("error", ["error"]),
        ],
    )
    def test_below_the_chosen_one_are_not_shown(self, level: str, shown: list[str]) -> None:
        stderr = stderr_of("json", level)
        for each in ["debug", "info", "warning", "error"]:
            getattr(logger(), each)(Event.PASS_STARTED)
        assert [json.loads(line)["level"] for line in stderr.getvalue().splitlines()] == shown

    @pytest.mark.parametrize("library", LIBRARIES)
    @pytest.mark.parametrize(
        ("level", "shown"), [("debug", ["DEBUG", "INFO", "WARNING"]), ("info", ["WARNING"]), ("error", [])]
    )
    def test_of_libraries_are_warnings_unless_everything_is_asked_for(
        self, library: str, level: str, shown: list[str]
    ) -> None:
        stderr = stderr_of("json", level)
        for each in ["DEBUG", "INFO", "WARNING"]:
            logging.getLogger(library).log(getattr(logging, each), each)
        assert [json.loads(line)["event"] for line in stderr.getvalue().splitlines()] == shown

    def test_a_second_setup_replaces_the_first(self) -> None:
        first = stderr_of("json", "debug")
        second = stderr_of("console", "error")
        logger().info(Event.PASS_STARTED)
        logger().error(Event.API_ERROR)
        [line] = second.getvalue().splitlines()
        assert "api_error" in line
        assert first.getvalue() == ""


class TestToken:
    @pytest.fixture(params=AWKWARD_TOKENS)
    def token(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture(params=["json", "console"])
    def style(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def shown(self, style: str, token: str) -> Callable[[int], str]:
        """Set up; the call gives what was written, in which the token is hidden so many times and not to be seen."""
        redactor = Redactor()
        redactor.hide(token)
        stderr = stderr_of(style, "debug", redactor)

        def read(times: int) -> str:
            text = stderr.getvalue()
            assert text.count(HIDDEN) == times
            assert "s3cr3t" not in text
            return text

        return read

    def test_is_hidden_in_a_field(self, shown: Callable[[int], str], token: str) -> None:
        logger().info(Event.API_ERROR, reason=token)
        shown(1)

    def test_is_hidden_in_the_middle_of_a_text(self, shown: Callable[[int], str], token: str) -> None:
        logger().info(Event.API_ERROR, reason=f"header 'Authorization: Bearer {token}' was refused")
        shown(1)

    def test_is_hidden_in_the_event(self, shown: Callable[[int], str], token: str) -> None:
        logger().info(f"sent {token}")
        shown(1)

    @pytest.mark.parametrize("quote", ["", "'", '"', "'\""])
    def test_is_hidden_in_the_repr_of_a_text(self, shown: Callable[[int], str], token: str, quote: str) -> None:
        logger().info(Event.API_ERROR, headers={"Authorization": f"Bearer {token}{quote}"}, repr=repr(token + quote))
        shown(2)

    @pytest.mark.parametrize("quote", ["", "'", '"', "'\""])
    def test_is_hidden_in_an_exception_and_its_traceback(
        self, shown: Callable[[int], str], token: str, quote: str
    ) -> None:
        secret = token + quote
        try:
            fail(ValueError("Invalid header value", secret))
        except ValueError as error:
            logger().error(Event.INTERNAL_ERROR, reason=str(error), exc_info=True)
        assert "Traceback" in shown(2)

    def test_is_hidden_in_the_line_of_a_library(self, shown: Callable[[int], str], token: str) -> None:
        try:
            fail(OSError(token))
        except OSError:
            logging.getLogger("urllib3").exception("send: %r", f"Bearer {token}", extra={"token": token})
        shown(3)

    def test_leaves_the_line_readable(self, shown: Callable[[int], str], token: str, style: str) -> None:
        logger().info(Event.API_ERROR, reason=f"{token}", server_id=7)
        text = shown(1)
        if style == "json":
            line = json.loads(text)
            assert (line["event"], line["reason"], line["server_id"]) == ("api_error", HIDDEN, 7)


class TestJournal:
    """Under systemd, stderr is a stream of the journal, which reads a priority before each line."""

    @pytest.fixture
    def journal(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TextIO]:
        """A file of which JOURNAL_STREAM says that it is the journal."""
        with (tmp_path / "journal").open("w+", encoding="utf-8") as stream:
            there = os.fstat(stream.fileno())
            monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
            yield stream

    @staticmethod
    def lines(journal: TextIO) -> list[str]:
        journal.seek(0)
        return journal.read().splitlines()

    def test_gets_each_json_line_with_its_priority(self, journal: TextIO) -> None:
        with redirect_stderr(journal):
            setup("json", "debug", Redactor())
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(logger(), level)(Event.API_ERROR, reason="first\nsecond")
        logging.getLogger("urllib3").warning("slow")
        lines = self.lines(journal)
        assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>", "<2>", "<4>"]
        assert [json.loads(line[3:])["event"] for line in lines] == ["api_error"] * 5 + ["slow"]

    def test_gets_each_line_of_a_traceback_with_its_priority(self, journal: TextIO) -> None:
        with redirect_stderr(journal):
            setup("console", "info", Redactor())
        try:
            fail(ValueError("broken row"))
        except ValueError:
            logger().error(Event.INTERNAL_ERROR, exc_info=True)
        lines = self.lines(journal)
        assert len(lines) > 3
        assert all(line.startswith("<3>") for line in lines)

    @pytest.mark.parametrize("stream", ["", "0:0", "nonsense"])
    def test_that_is_another_stream_gets_nothing(
        self, journal: TextIO, monkeypatch: pytest.MonkeyPatch, stream: str
    ) -> None:
        monkeypatch.setenv("JOURNAL_STREAM", stream)
        with redirect_stderr(journal):
            setup("json", "info", Redactor())
        logger().error(Event.API_ERROR)
        [line] = self.lines(journal)
        assert json.loads(line)["event"] == "api_error"

    def test_is_not_a_stream_that_is_closed_or_missing_or_no_file(self) -> None:
        closed = io.StringIO()
        closed.close()
        for stream in (None, closed, io.StringIO()):
            assert not is_journal(stream, {"JOURNAL_STREAM": "1:2"})
            assert not is_journal(stream, {})


class TestRedactor:
    def test_hides_several_secrets_the_longest_first(self) -> None:
        redactor = Redactor()
        redactor.hide("secret")
        redactor.hide("secret-longer")
        redactor.hide("other")
        assert redactor.clean("secret secret-longer other rest") == f"{HIDDEN} {HIDDEN} {HIDDEN} rest"

    def test_without_a_secret_changes_nothing(self) -> None:
        assert Redactor().clean("text") == "text"

    def test_does_not_take_an_empty_text_for_a_secret(self) -> None:
        redactor = Redactor()
        redactor.hide("")
        assert redactor.clean("text") == "text"

    def test_learns_a_secret_after_the_setup(self) -> None:
        redactor = Redactor()
        stderr = stderr_of("json", "info", redactor)
        redactor.hide(TOKEN)
        logger().info(Event.API_ERROR, reason=TOKEN)
        assert json.loads(stderr.getvalue())["reason"] == HIDDEN


class TestBrokenStderr:
    @pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("closed")])
    @pytest.mark.parametrize("style", ["json", "console"])
    def test_raises_nothing_and_says_nothing_elsewhere(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, style: str
    ) -> None:
        monkeypatch.setattr(sys, "stderr", Stubborn(error))
        setup(style, "debug", Redactor())
        logger().info(Event.PASS_STARTED)
        logging.getLogger("urllib3").warning("slow")
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize("style", ["json", "console"])
    def test_that_is_closed_or_missing_raises_nothing(self, monkeypatch: pytest.MonkeyPatch, style: str) -> None:
        closed = io.StringIO()
        closed.close()
        for stderr in [closed, None]:
            monkeypatch.setattr(sys, "stderr", stderr)
            setup(style, "debug", Redactor())
            logger().info(Event.PASS_STARTED)

    def test_loses_no_more_than_the_line_that_cannot_be_written(self) -> None:
        class Unspeakable:
            def __str__(self) -> str:
                raise RuntimeError("no words")

            __repr__ = __str__

        stderr = stderr_of("json", "info")
        logger().info(Event.PASS_STARTED, value=Unspeakable())
        logger().info(Event.PASS_FINISHED)
        assert [json.loads(line)["event"] for line in stderr.getvalue().splitlines()] == ["pass_finished"]


def test_every_event_has_a_machine_readable_name_of_its_own() -> None:
    assert all(event.value == event.name.lower() for event in Event)
    assert len({event.value for event in Event}) == len(Event)


def test_in_silence_every_level_says_nothing_and_nothing_else_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    with silence():
        for level in ("debug", "info", "warning", "error", "critical"):
            getattr(logger(), level)("an event", server=1)
        logger().log(logging.ERROR, "an event")
        with pytest.raises(AttributeError):
            logger().bind(server=1)
    assert capsys.readouterr() == ("", "")
