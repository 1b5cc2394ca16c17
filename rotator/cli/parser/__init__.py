"""Arguments and help; imports nothing but argparse, so that help and usage errors come at once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rotator import __version__
from rotator.cli.parser import by_hand, look, rotate
from rotator.cli.parser.options import CODES, CommandParser, Help, TopParser

if TYPE_CHECKING:
    from rotator.cli.parser.options import Commands

_TOP = f"""\
Keeps a few recent restore points for every server of a VPS.org account, under
the provider's cap of 5 snapshots per server. It deletes only snapshots that it
made itself (or that a policy adopts), and never the newest restore point.

first steps:
  rotator once --sandbox -c config.example.yaml  see it work, without an account
  rotator check                                  is the configuration right?
  rotator plan                                   what would happen now?
  rotator once                                   do it, wait until complete
  rotator run                                    keep doing it

{CODES}"""

_COMMANDS = (
    rotate.run,
    rotate.once,
    look.plan,
    look.simulate,
    rotate.prune,
    look.status,
    look.history,
    look.check,
    look.doctor,
    look.health,
    by_hand.restore,
    by_hand.notify_test,
    by_hand.sandbox,
    look.schema,
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = TopParser(prog="rotator", description=_TOP, formatter_class=Help, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"rotator {__version__}")
    commands: Commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", required=True, parser_class=CommandParser
    )
    for add in _COMMANDS:
        add(commands)
    return parser
