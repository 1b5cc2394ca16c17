"""The manual page rotator(1), made from the parser when a wheel is built; `rotator.1.in` has the rest."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

FILE = "share/man/man1/rotator.1"
"""Where `man` looks, below the prefix of an installation."""

_TEMPLATE = Path(__file__).with_name("rotator.1.in")


def manual_page(parser: argparse.ArgumentParser, version: str) -> str:
    """The page in roff, with the macros of man(7)."""
    texts = {
        "@VERSION@": _escaped(version),
        "@COMMON@": "\n".join(_options(_once_each(_commands(parser).values()))),
        "@COMMANDS@": "\n".join(line for name in _commands(parser) for line in _command(parser, name)),
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    for placeholder, text in texts.items():
        page = page.replace(placeholder, text)
    return page


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands by name, in the order of the help."""
    (commands,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))  # noqa: SLF001
    return dict(commands.choices)


def _is_common(group: argparse._ArgumentGroup) -> bool:
    return group.title == "common options"


def _once_each(commands: Iterable[argparse.ArgumentParser]) -> list[argparse.Action]:
    """The options that most commands share, each of them once."""
    groups = [group for command in commands for group in command._action_groups if _is_common(group)]  # noqa: SLF001
    return list({each.dest: each for group in groups for each in group._group_actions}.values())  # noqa: SLF001


def _own(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """What only this command, or few others, has."""
    groups = [group for group in command._action_groups if not _is_common(group)]  # noqa: SLF001
    return [each for group in groups for each in group._group_actions if each.dest != "help"]  # noqa: SLF001


def _command(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    command = _commands(parser)[name]
    about, _, rest = (command.description or "").partition("\nexamples:\n")
    yield f".SS {_escaped(name)}"
    yield f".B rotator {_escaped(name)}"
    yield from _synopsis(command)
    yield from _prose(about)
    yield from _options(_own(command))
    yield ".PP"
    yield from _literal(rest.partition("\nexit codes:\n")[0])


def _synopsis(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in _own(command):
        shown = f"[{_invocation(action, first=True)}]"
        yield shown + ("...\\&" if isinstance(action, argparse._AppendAction) else "")  # noqa: SLF001
    if any(_is_common(group) and group._group_actions for group in command._action_groups):  # noqa: SLF001
        yield "[\\fIcommon options\\fR]"


def _options(actions: Iterable[argparse.Action]) -> Iterator[str]:
    for action in actions:
        yield ".TP"
        yield _invocation(action)
        yield _inline((action.help or "").replace("%%", "%"))


def _invocation(action: argparse.Action, *, first: bool = False) -> str:
    """`-c FILE, --config FILE` in bold and italics; only the last, which is the long form, with `first`."""
    value = "" if action.nargs == 0 else f"\\fI{_escaped(str(action.metavar or action.dest.upper()))}\\fR"
    names = action.option_strings[-1:] if first else action.option_strings
    return ", ".join(f"\\fB{_escaped(name)}\\fR {value}".rstrip() for name in names) or value


def _prose(text: str) -> Iterator[str]:
    """Paragraphs that flow; indented lines stay as they are."""
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        yield ".PP"
        lines = paragraph.splitlines()
        yield from (_inline(line) for line in lines if not line.startswith(" "))
        yield from _literal("\n".join(line for line in lines if line.startswith(" ")))


def _literal(text: str) -> Iterator[str]:
    """Lines as they are, a little indented and without columns, so that they fit 80."""
    if not text.strip():
        return
    yield ".RS 1"
    yield ".EX"
    lines = (re.sub(" {3,}", "  ", line.removeprefix("  ")) for line in text.strip("\n").splitlines())
    yield from (_escaped(line) for line in lines)
    yield ".EE"
    yield ".RE"


def _inline(text: str) -> str:
    """Prose in which `code` becomes bold."""
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fR", _escaped(text, keep="`")).replace("`", "\\(ga")


def _escaped(text: str, keep: str = "") -> str:
    """Text that roff shows as it is: no line is taken for a request, no `-` for a hyphen, no quote gets curly."""
    special = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
    escaped = "".join(each if each in keep else special.get(each, each) for each in text)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
