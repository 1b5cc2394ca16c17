"""The manual page has what the parser has, and what the code reads from its environment."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from manual.page import manual_page
from rotator.cli.parser import build_parser

ROOT = Path(__file__).parents[2]


def page() -> str:
    return manual_page(build_parser(), "1.2.3")


def plain(roff: str) -> str:
    """Without font changes and escapes, so that words can be looked for."""
    return re.sub(r"\\f[BIRP]|\\&", "", roff).replace("\\-", "-").replace("\\(aq", "'").replace("\\(ti", "~")


def parsers() -> dict[str, argparse.ArgumentParser]:
    (commands,) = (each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(commands.choices)


def test_has_every_section_in_the_usual_order() -> None:
    sections = re.findall(r"^\.SH (.+)$", page(), re.MULTILINE)
    assert sections == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "COMMON OPTIONS", "EXIT STATUS", "FILES", "ENVIRONMENT"),
        *("EXAMPLES", "SEE ALSO"),
    ]
    assert '"rotator 1.2.3"' in page()
    assert "@" not in re.sub(r"rotator@|@\.|@day", "", page())


@pytest.mark.parametrize("name", parsers())
def test_has_every_option_of_a_command(name: str) -> None:
    section = plain(page()).partition(f".SS {name}\n")[2].partition("\n.SS ")[0].partition("\n.SH ")[0]
    common = plain(page()).partition(".SH COMMON OPTIONS")[2].partition("\n.SH ")[0]
    assert f".B rotator {name}" in section
    for action in parsers()[name]._actions:
        for option in action.option_strings:
            assert option in ("-h", "--help") or option in section + common


def test_names_every_variable_that_rotator_has_of_its_own() -> None:
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "rotator").rglob("*.py"))
    variables = {name for text in sources for name in re.findall(r"\bROTATOR_[A-Z_]+\b", text)}
    assert "ROTATOR_CONFIG" in variables
    environment = page().partition(".SH ENVIRONMENT")[2].partition(".SH ")[0]
    named = set(re.findall(r"\b[A-Z_]{3,}\b", environment))
    assert variables <= named
    assert {each for each in named if each.startswith("ROTATOR_")} <= variables


def test_every_exit_code_of_the_help_is_explained() -> None:
    section = page().partition(".SH EXIT STATUS")[2].partition(".SH ")[0]
    assert re.findall(r"^\.B (\d+)$", section, re.MULTILINE) == ["0", "1", "2", "69", "75", "77", "78", "130"]


def test_text_cannot_be_taken_for_a_request() -> None:
    parser = argparse.ArgumentParser(prog="rotator")
    commands = parser.add_subparsers()
    text = "Shows:\n\n  .so /etc/passwd\n  C:\\dir `x`\n\nexamples:\n  .nx file\n  rotator odd\n\nexit codes:\n  0"
    commands.add_parser("odd", description=text).add_argument("--x", help=".SH it's 100%% `code`")
    shown = manual_page(parser, "1")
    for line in ("\\&.so /etc/passwd", "C:\\edir \\(gax\\(ga", "\\&.nx file", "\\&.SH it\\(aqs 100% \\fBcode\\fR"):
        assert f"\n{line}\n" in shown
