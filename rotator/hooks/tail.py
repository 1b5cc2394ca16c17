"""The end of what a program wrote, made safe to show; knows nothing of the program."""

from __future__ import annotations

from rotator.naming import printable

KEPT = 4096
"""Bytes: what matters stands at the end."""


class Tail:
    """Takes any number of bytes and keeps the last ones."""

    def __init__(self) -> None:
        self._kept = b""
        self._total = 0

    def add(self, chunk: bytes) -> None:
        """Take what was written next."""
        self._total += len(chunk)
        self._kept = (self._kept + chunk)[-KEPT:]

    def text(self) -> str:
        """Lines of printable text; what is no UTF-8 is replaced, and what was left out is counted first."""
        lines = self._kept.decode("utf-8", errors="replace").replace("\r\n", "\n").rstrip("\n").split("\n")
        shown = "\n".join(printable(line.expandtabs()) for line in lines)
        left_out = self._total - len(self._kept)
        # The cut may go through a character.
        return f"[{left_out:,} bytes left out]\n" + shown.lstrip("\ufffd") if left_out else shown
