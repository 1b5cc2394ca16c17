"""What single values of the configuration must look like: text in, value out, ValueError in plain words otherwise."""

from __future__ import annotations

import re
from datetime import timedelta

from rotator.config.words import found, shown
from rotator.model import AfterWhen, Id, opaque_id

DURATION = r"^[0-9]+(ms|s|m|h|d)$"
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
# Other programs, and YAML 1.1, read these as numbers, each as another one.
_NUMBER_LIKE = re.compile(r"[0-9][0-9_.]*|0[xob][0-9a-fA-F_]+|[0-9][0-9.]*[eE][0-9]+")
_TRUTH_LIKE = frozenset({"yes", "no", "on", "off", "true", "false", "y", "n", "null", "none"})


def duration(value: object) -> timedelta:
    """`15s` as a timedelta."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"{found(value)}: write a whole number and its unit (ms, s, m, h or d), {_example(value)}")
    try:
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise ValueError(f"{found(value)}: that is longer than anything here may be") from None


def _example(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f"such as {value}s or {value}m"
    return "such as 90s, 15m or 6h"


def server_id(value: object) -> Id:
    """A positive number, or text such as a UUID, as the API knows it."""
    if isinstance(value, str) and re.fullmatch(ID, value):
        # Never a number for text that other readers of YAML would take for a different number.
        if isinstance(opaque_id(value), str) and _NUMBER_LIKE.fullmatch(value):
            raise ValueError(f"{found(value)}: write the number in plain decimal digits, as the control panel shows it")
        if value.lower() in _TRUTH_LIKE:
            raise ValueError(f"{found(value)}: that is a word for true or false; write the server's id")
        value = opaque_id(value)
    elif isinstance(value, str) or not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{found(value)}: write the server's number, or an id of letters, digits, '.', '_' and '-'")
    if isinstance(value, int) and value < 1:
        raise ValueError(f"found the number {value}: ids start at 1; take it from the control panel")
    return value


def printable(value: str) -> str:
    """Text of one line that shows as it is."""
    if not value.isprintable():
        raise ValueError(f"found the text {shown(value)}: remove line breaks and other characters that do not print")
    return value


def file_path(value: str) -> str:
    """The path of a file; no message repeats it, because people do paste the secret where its file belongs."""
    if "://" in value:
        raise ValueError("found an address: write the path of a file that holds it")
    if not value.isprintable():
        raise ValueError("found line breaks or other characters that do not print: write the path of a file")
    return value


def argument(value: str) -> str:
    """Text that a program can be given."""
    if "\0" in value:
        raise ValueError("found a character \\x00, which no program can be given; remove it")
    return value


def check_command(value: str | tuple[str, ...], *, shell: bool) -> None:
    """Refuses a line that no shell reads, a list that a shell would read, and a command without a program."""
    if isinstance(value, str) and not shell:
        raise ValueError(
            "found text: write a list of the program and its arguments, such as [systemctl, stop, app]; "
            "or add shell: true, and /bin/sh runs it"
        )
    if shell and not isinstance(value, str):
        raise ValueError("found a list: with shell: true write one line of text for /bin/sh, or remove shell: true")
    if not (value.strip() if isinstance(value, str) else value[0].strip()):
        raise ValueError("found no program; write its name or path first")


def after_when(value: object) -> AfterWhen:
    """When the `after` command runs."""
    words = [each.value for each in AfterWhen]
    if value not in words:
        raise ValueError(f"{found(value)}: write {' or '.join(words)}")
    return AfterWhen(value)
