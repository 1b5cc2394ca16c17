"""Says in plain words what was found in a file and what to write instead; shows at most a little of any text."""

from __future__ import annotations

import re

_SHOWN = 40
_MOST_DIGITS = 18
_YES = frozenset({"yes", "on", "y", "true", "1"})
_NO = frozenset({"no", "off", "n", "false", "0"})
_HEX = re.compile(r"0x[0-9a-fA-F]{1,15}")

Loc = tuple[str | int, ...]
"""Where a value stands: keys and positions from the top."""


def shown(text: str) -> str:
    """`text` for a message: in quotes, unprintable characters escaped, cut when long."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "'" + "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in cut) + "'"


def found(value: object) -> str:
    """What the file has at a place."""
    if value is None:
        return "found nothing"
    if isinstance(value, bool):
        return f"found {str(value).lower()}"
    if isinstance(value, int):
        return f"found the number {value}"
    if isinstance(value, str):
        return f"found the text {shown(value)}"
    return "found a list" if isinstance(value, list) else "found keys and values"


def kind_of(value: object) -> str:
    """As `found`, but without any text: where keys are expected, a token may stand by mistake."""
    return "found text" if isinstance(value, str) else found(value)


def location(loc: Loc) -> str:
    """`servers[3].keep` for a place below the top, nothing for the top itself."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in loc]
    return "".join(parts).removeprefix(".")


def _key(name: str) -> str:
    if "://" in name:
        return "'…'"  # an address that lost its place may be a secret
    return name if re.fullmatch(r"[\w-]{1,40}", name, re.ASCII) else shown(name)


def number_remedy(value: object) -> str:
    """What to write where a whole number is wanted and something else was found.

    Text that YAML 1.1 would read as another number than a person does gets its own remedy.
    """
    if not isinstance(value, str):
        return "write a whole number"
    digits = value.replace("_", "").lstrip("+")
    if _HEX.fullmatch(value):
        return f"write {int(value, 16)}, in decimal digits"
    if not (digits.isascii() and digits.isdecimal()):
        return "write a whole number, in digits only"
    if len(digits) > _MOST_DIGITS:
        return "write a smaller number"
    return f"write {digits.lstrip('0') or '0'} without {_blemish(value, digits)}"


def _blemish(value: str, digits: str) -> str:
    if "_" in value:
        return "the underscore"
    if value.startswith("+"):
        return "the plus sign"
    return "the leading zero" if digits.startswith("0") and len(digits) > 1 else "quotes"


def truth_remedy(value: object) -> str:
    """What to write where true or false is wanted and something else was found."""
    word = str(value).lower()
    if word in _YES:
        return "write true"
    if word in _NO:
        return "write false"
    return "write true or false"


def text_remedy(value: object, example: str) -> str:
    """What to write where text is wanted and something else was found."""
    if isinstance(value, int):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f"put it in quotes, '{text}', if it is what you mean; an example is {example}"
    return f"write text, for example {example}"
