"""What several commands share: how one is added, and its common options."""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

CODES = """\
exit codes:
  0 done, or nothing due      1 a server failed, is blocked or needs attention
  2 wrong usage              69 API unreachable, nothing done
 75 another instance runs    77 token missing or refused    78 configuration
130 interrupted
"""

_COMMON = "common options"


class Help(argparse.RawDescriptionHelpFormatter):
    """80 columns at most, and room for the longest command beside its summary."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size().columns, 82) - 2
        super().__init__(prog, max_help_position=26, width=width)
        self._action_max_length = 15  # argparse forgets that commands are indented once more


class Parser(argparse.ArgumentParser):
    """Says with every mistake where to read on."""

    def error(self, message: str) -> NoReturn:
        """See `ArgumentParser`."""
        super().error(f"{message}; see `{self.prog} --help`")


class CommandParser(Parser):
    """The arguments of one command, which tells itself what it does not know."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See `ArgumentParser`; nothing is left to the parser above, whose usage would not say what is known here."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


class TopParser(Parser):
    """The program's own arguments."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:  # noqa: SLF001 - as above
            from difflib import get_close_matches

            near = get_close_matches(value, action.choices, 1)
            meant = f"; perhaps you mean `rotator {near[0]}`" if near else ""
            raise argparse.ArgumentError(None, f"there is no command {value!r}{meant}")
        super()._check_value(action, value)


def path(text: str) -> str:
    """A name of a file or directory; argparse tells what is wrong with one that is empty."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty, perhaps a variable that is not set; give a path")
    return text


def command(commands: Commands, name: str, summary: str, text: str, codes: str = CODES) -> argparse.ArgumentParser:
    """A command with its one-line summary and its longer text."""
    parser = commands.add_parser(
        name, help=summary, description=f"{text}\n{codes}", formatter_class=Help, allow_abbrev=False
    )
    parser.add_argument_group(_COMMON)
    return parser


def _common(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """What most commands take stands below what is the command's own."""
    return next(group for group in parser._action_groups if group.title == _COMMON)  # noqa: SLF001 - has no public name


def account(parser: argparse.ArgumentParser, *, sandbox: bool, token: bool = True) -> None:
    """Which configuration, which token, and perhaps the sandbox."""
    group = _common(parser)
    group.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        type=path,
        help="the configuration (default: $ROTATOR_CONFIG, ./config.yaml, /etc/rotator/config.yaml)",
    )
    if token:
        group.add_argument(
            "--token-file", metavar="FILE", type=path, help="file with the API token; other ways: see the README"
        )
    else:
        parser.set_defaults(token_file=None)
    if sandbox:
        group.add_argument(
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
    _common(parser).add_argument(
        "--lock-file",
        metavar="FILE",
        type=path,
        help="allows one instance at a time (default: named after the configuration)",
    )


def logging(parser: argparse.ArgumentParser) -> None:
    """What is logged, and how."""
    group = _common(parser)
    group.add_argument(
        "--log-format",
        metavar="FORMAT",
        choices=("json", "console"),
        help="console or json (default: console on a terminal, else json); the log goes to stderr",
    )
    levels = ("debug", "info", "warning", "error")
    group.add_argument(
        "--log-level",
        metavar="LEVEL",
        choices=levels,
        help="what is logged: debug, info, warning or error (default: info; on a terminal warning, but for run)",
    )


def state(parser: argparse.ArgumentParser) -> None:
    """Where what lasts beyond a process is kept."""
    _common(parser).add_argument(
        "--state-dir",
        metavar="DIR",
        type=path,
        help="where history and unfinished work are kept (default: $STATE_DIRECTORY, /var/lib/rotator for root, "
        "else $XDG_STATE_HOME/rotator or ~/.local/state/rotator)",
    )
