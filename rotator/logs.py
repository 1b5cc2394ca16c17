"""Structured logging: the names of all events, one set-up for JSON lines or console, and the token kept out of both."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from typing import TextIO, cast

import structlog

from rotator.naming import printable


class Event(StrEnum):
    """Every event rotator logs; `docs/events.md` lists the fields of each."""

    DAEMON_STARTED = "daemon_started"
    DAEMON_STOPPED = "daemon_stopped"
    CONFIG_LOADED = "config_loaded"
    CONFIG_REJECTED = "config_rejected"
    CONFIG_WARNING = "config_warning"
    PASS_STARTED = "pass_started"  # noqa: S105 - not a password
    PASS_FINISHED = "pass_finished"  # noqa: S105 - not a password
    SLOT_DUE = "slot_due"
    SLOT_MISSED = "slot_missed"
    SNAPSHOT_CREATE_REQUESTED = "snapshot_create_requested"
    SNAPSHOT_CREATED = "snapshot_created"
    SNAPSHOT_COMPLETED = "snapshot_completed"
    SNAPSHOT_FAILED = "snapshot_failed"
    SNAPSHOT_STUCK = "snapshot_stuck"
    SNAPSHOT_UNCLEAR = "snapshot_unclear"
    SNAPSHOT_DELETED = "snapshot_deleted"
    SNAPSHOT_RESTORE_REQUESTED = "snapshot_restore_requested"
    ROTATION_RESUMED = "rotation_resumed"
    HOOK_FINISHED = "hook_finished"
    HOOK_FAILED = "hook_failed"
    ROTATION_BLOCKED = "rotation_blocked"
    ROTATION_PAUSED = "rotation_paused"
    ROTATION_FAILED = "rotation_failed"
    ROTATION_SQUEEZED = "rotation_squeezed"
    PRUNE_HELD = "prune_held"
    SERVER_NAME_DIFFERS = "server_name_differs"
    API_RETRY = "api_retry"
    API_ERROR = "api_error"
    CLOCK_SKEW = "clock_skew"
    METRICS_FILE_FAILED = "metrics_file_failed"
    STATE_UNUSABLE = "state_unusable"
    STATE_RECOVERED = "state_recovered"
    NOTIFICATION_SENT = "notification_sent"
    NOTIFICATION_FAILED = "notification_failed"
    WEB_STARTED = "web_started"
    WEB_FAILED = "web_failed"
    INTERNAL_ERROR = "internal_error"


HIDDEN = "[hidden]"

LONGEST_LIST = 100
"""Items of a list in a line of JSON, for example of the problems of a configuration."""

_QUOTED: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: repr(text + '"')[1:-2],
    lambda text: repr(text + '"')[1:-2].replace("\\'", "'"),
    printable,
)
"""How text is written inside quotes, JSON's and Python's two, and on the console."""

# Of syslog, which the journal goes by.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG = 7


class Redactor:
    """Replaces every secret in the finished line, so that no field, exception or library line can carry one (S10)."""

    def __init__(self) -> None:
        self._secrets: list[str] = []  # the longest first: one may be a part of another

    def hide(self, secret: str) -> None:
        """From now on no line shows `secret`, neither plain nor as JSON or repr() write it."""
        forms = {secret}
        for _ in range(3):  # an exception quotes it, the exception is quoted in a field, the field becomes JSON
            forms |= {write(form) for form in forms for write in _QUOTED}
        self._secrets = sorted({*self._secrets, *forms} - {""}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without any secret."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


class _Handler(logging.StreamHandler[TextIO]):
    """Writes finished lines to stderr; a closed or full stderr must not stop a rotation."""

    def __init__(self, redactor: Redactor, *, clears: bool) -> None:
        super().__init__(sys.stderr)
        self._redactor = redactor
        self._start = "\r\x1b[K" if clears else ""  # a line of progress may stand there
        self._prioritised = is_journal(sys.stderr, os.environ)

    def format(self, record: logging.LogRecord) -> str:
        text = self._start + self._redactor.clean(super().format(record))
        return with_priority(text, record.levelno) if self._prioritised else text

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        """Give the line up."""


def is_journal(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether the service's journal reads `stream`, and not a terminal, pipe or file that took its place."""
    try:
        there = os.fstat(stream.fileno() if stream else -1)
    except (OSError, ValueError):  # there is none, or it is closed, or it is no file
        return False
    return environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def with_priority(text: str, level: int) -> str:
    """The text with the journal's priority before each of its lines, see sd-daemon(3): `<4>…` for a warning."""
    priority = next((number for least, number in _PRIORITIES if level >= least), _DEBUG)
    return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))


def setup(style: str, level: str, redactor: Redactor, clock: Callable[[], datetime] | None = None) -> None:
    """Send every log line of rotator and of its libraries to stderr.

    `style` is `json` or `console`; `level` a name of the logging module in lower case. Times are UTC, ISO 8601, and
    those of `clock` where it is another than the real one.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True) if clock is None else _stamper(clock),
    ]
    handler = _Handler(redactor, clears=style == "console" and _colours())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(style)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("urllib3", "schedule"):
        logging.getLogger(library).setLevel(max(root.level, logging.WARNING) if level != "debug" else logging.DEBUG)
    # It warns of odd headers with a traceback; whether an answer can be used is told by whoever reads it.
    logging.getLogger("urllib3.connection").setLevel(logging.NOTSET if level == "debug" else logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:2],
            shared[3],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _stamper(clock: Callable[[], datetime]) -> structlog.typing.Processor:
    def stamp(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**fields, "timestamp": f"{clock():%Y-%m-%dT%H:%M:%S.%fZ}"}

    return stamp


def _renderers(style: str) -> list[structlog.typing.Processor]:
    if style == "json":
        return [
            structlog.processors.format_exc_info,
            _short_lists,
            _first_things_first,
            structlog.processors.JSONRenderer(default=str),
        ]
    plain = structlog.dev.plain_traceback
    return [_printable_values, structlog.dev.ConsoleRenderer(colors=_colours(), exception_formatter=plain)]


def _short_lists(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The journal breaks a line of more than 48 KiB, and what is left of it is no JSON."""
    return {key: _shortened(value) if isinstance(value, list | tuple) else value for key, value in fields.items()}


def _shortened(values: Sequence[object]) -> Sequence[object]:
    more = len(values) - LONGEST_LIST
    return values if more <= 0 else [*values[:LONGEST_LIST], f"… and {more:,} more"]


def _first_things_first(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """What a person skims for stands at the beginning of the line."""
    return {key: fields[key] for key in ("timestamp", "level", "event")} | dict(fields)


def _printable_values(_logger: object, _method: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A name that the API gave must not move a terminal's cursor; JSON writes such characters out by itself."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in fields.items()}


def _colours() -> bool:
    try:
        return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


class _Silence:
    """In the place of a logger: says nothing, and costs nothing."""

    def debug(self, *_: object, **__: object) -> None:
        pass

    info = warning = error = critical = log = debug


_nobody = cast("structlog.stdlib.BoundLogger", _Silence())
_silenced: ContextVar[bool] = ContextVar("silenced", default=False)


@contextmanager
def silence() -> Iterator[None]:
    """In here rotator logs nothing: a simulation would tell of a million things that never happened."""
    before = _silenced.set(True)
    try:
        yield
    finally:
        _silenced.reset(before)


def is_silent() -> bool:
    """Whether nothing is logged, so that there is no need to work out what would be."""
    return _silenced.get()


def logger() -> structlog.stdlib.BoundLogger:
    """The logger of rotator's own events."""
    bound: structlog.stdlib.BoundLogger = _nobody if _silenced.get() else structlog.stdlib.get_logger("rotator")
    return bound
