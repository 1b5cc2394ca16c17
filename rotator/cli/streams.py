"""The standard streams: made usable whatever the caller left of them, and given up when nobody reads."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


def prepare() -> None:
    """A stream that is closed (`>&-`) goes nowhere; a character that a stream cannot show is written out."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name) or Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open to the end
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)


def give_up_stdout() -> None:
    """What is still buffered would be tried again at the next flush, and end that with another error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
