"""Commands that a document shows: a test takes them from here, so that it runs what the reader will type."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]

_BLOCK = re.compile(r"^(?P<indent> *)```sh\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)


def commands(document: str) -> list[str]:
    """Every command in the ```sh blocks of a document, without comments; one that goes on in the next line is one."""
    found = []
    text = (ROOT / document).read_text(encoding="utf-8")
    for block in _BLOCK.finditer(text):
        joined = re.sub(r"\\\n\s*", "", textwrap.dedent(block["text"]))
        lines = (re.sub(r"\s{2,}#.*$", "", line).strip() for line in joined.splitlines())
        found += [line for line in lines if line and not line.startswith("#")]
    return found


def documented(document: str, command: str) -> str:
    """The command, which `document` must show word for word; `tests/unit/test_documents.py` wants one call for each."""
    assert command in commands(document), f"{document} does not show the command: {command}"
    return command
