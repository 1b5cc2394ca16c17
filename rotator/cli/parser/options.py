"""What several commands share: how one is added, and its common options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

CODES = """\
exit codes:
  0 done, or nothing due      1 a server failed, is blocked or needs attention
  2 wrong usage              69 API unreachable, nothing done
 75 another instance runs    77 token missing or refused    78 configuration
130 interrupted
"""


def command(commands: Commands, name: str, summary: str, text: str) -> argparse.ArgumentParser:
    """A command with its one-line summary and its longer text."""
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{text}\n{CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def account(parser: argparse.ArgumentParser, *, sandbox: bool) -> None:
    """Which configuration, which token, and perhaps the sandbox."""
    parser.add_argument(
        "-c", "--config", metavar="FILE", help="default: $ROTATOR_CONFIG, ./config.yaml, /etc/rotator/config.yaml"
    )
    parser.add_argument("--token-file", metavar="FILE", help="file with the API token; see the README for other ways")
    if sandbox:
        parser.add_argument(
            "--sandbox", action="store_true", help="use an embedded API with servers made up from the configuration"
        )
    else:
        parser.set_defaults(sandbox=False)


def servers(parser: argparse.ArgumentParser) -> None:
    """Only some servers."""
    parser.add_argument(
        "--server", action="append", metavar="NAME|ID", help="only this server of the configuration (repeatable)"
    )


def now(parser: argparse.ArgumentParser) -> None:
    """Whether or not a slot is due."""
    parser.add_argument("--now", action="store_true", help="take a snapshot now, whether or not one is due")


def json(parser: argparse.ArgumentParser) -> None:
    """Output for programs."""
    parser.add_argument("--json", action="store_true", help="for programs; the keys are stable")


def yes(parser: argparse.ArgumentParser) -> None:
    """Without asking."""
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def lock(parser: argparse.ArgumentParser) -> None:
    """The instance lock."""
    parser.add_argument(
        "--lock-file", metavar="FILE", help="allows one instance at a time (default: named after the configuration)"
    )


def logging(parser: argparse.ArgumentParser) -> None:
    """What is logged, and how."""
    parser.add_argument(
        "--log-format", choices=("json", "console"), help="default: console on a terminal, else json; goes to stderr"
    )
    levels = ("debug", "info", "warning", "error")
    parser.add_argument(
        "--log-level",
        choices=levels,
        default=None,
        help="least level that is logged (default: info; on a terminal warning, but for run)",
    )


def state(parser: argparse.ArgumentParser) -> None:
    """Where what lasts beyond a process is kept."""
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        help="where history and unfinished business are kept (default: $STATE_DIRECTORY, /var/lib/rotator for root, "
        "else $XDG_STATE_HOME/rotator or ~/.local/state/rotator)",
    )
