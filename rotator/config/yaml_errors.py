"""Says in plain words, and with a remedy, why text is not YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import yaml

    from rotator.config.nodes import Place

# The words of either parser for a mistake, as far as they can be told, and what the mistake usually is.
_REMEDIES = {
    "mapping values are not allowed": "mend the indentation, write a space after each colon, and put text that holds "
    "': ' in quotes",
    "cannot start any token": "put text that begins with a special character in quotes",
    "alphabetic or numeric": "put text that begins with * or & in quotes",
    "expected ':'": "write 'key: value', with a space after the colon",
}


class _Mark(Protocol):
    line: int
    column: int


class UnreadableYamlError(Exception):
    """Text that cannot be read on; the message names the remedy."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


def mark_place(mark: _Mark | None) -> Place:
    """The place of a parser's mark; the top if it gave none."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def character_problem(text: str, error: yaml.reader.ReaderError) -> UnreadableYamlError:
    """What to say of a character that YAML does not allow."""
    # Not the error's position: it counts bytes in one parser and characters in the other.
    index = max(text.find(chr(int(error.character))), 0)
    message = f"found the character \\x{error.character:02x}, which YAML does not allow; remove it"
    return UnreadableYamlError(index_place(text, index), message)


def index_place(text: str, index: int) -> Place:
    """The place of a character of `text`."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def syntax_problem(text: str, error: yaml.MarkedYAMLError, innermost: Place | None) -> UnreadableYamlError:
    """What to say of broken syntax; `innermost` is where the list or mapping begins that was being read."""
    mark = error.problem_mark or error.context_mark
    place = mark_place(mark)
    if mark and text[mark.index : mark.index + 1] == "\t":
        return UnreadableYamlError(place, "found a tab; indent with spaces")
    what = ", ".join(part for part in (error.context, error.problem) if part)
    remedies = (remedy for words, remedy in _REMEDIES.items() if words in what)
    remedy = next(remedies, "mend the indentation, brackets or quotes here or just above")
    return UnreadableYamlError(place, f"this is not YAML ({what}{_begin(error, innermost, place)}); {remedy}")


def _begin(error: yaml.MarkedYAMLError, innermost: Place | None, place: Place) -> str:
    """Where brackets or quotes that are not closed begin, if that is further up."""
    context = error.context or ""
    line = place[0]
    if "flow" in context and innermost:
        line = innermost[0]
    elif "quoted" in context:
        line = mark_place(error.context_mark)[0]
    return f"; it begins in line {line}" if line < place[0] else ""
