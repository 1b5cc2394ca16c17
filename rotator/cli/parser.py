"""Arguments and help; imports nothing but argparse, so that help and usage errors come at once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

from rotator import __version__

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

_CODES = """\
exit codes:
  0 done, or nothing due      1 a server failed, is blocked or needs attention
  2 wrong usage              69 API unreachable, nothing done
 75 another instance runs    77 token missing or refused    78 configuration
130 interrupted
"""

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

{_CODES}"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="rotator", description=_TOP, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"rotator {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_run, _once, _plan, _prune, _status, _check, _restore, _sandbox, _schema):
        add(commands)
    return parser


def _command(commands: Commands, name: str, summary: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{text}\n{_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _run(commands: Commands) -> None:
    text = """\
The daemon: takes every snapshot at its slot, waits until it is complete, then
prunes. Between slots it makes no API call. SIGTERM ends it within 10 seconds,
SIGHUP reloads the configuration (a bad file keeps the old one in force). What
was in progress at a stop is found and finished at the next start.

examples:
  rotator run -c /etc/rotator/config.yaml
  rotator run --sandbox -c config.example.yaml     try it without an account
  systemctl reload rotator                         the unit sends SIGHUP
"""
    parser = _command(commands, "run", "run for ever, as a service or in a container", text)
    _account(parser, sandbox=True)
    _logging(parser)
    _lock(parser)


def _once(commands: Commands) -> None:
    text = """\
The one-shot: takes what is due, waits until it is complete, prunes, and tells
what it did and why. Running it twice changes nothing. A snapshot that fails is
cleaned up and left to the next run.

examples:
  rotator once                                   for cron: every 15 minutes, say
  rotator once --now --server web-server-01      before an upgrade: due or not
  rotator once --no-wait                         ask only; the next run prunes
  rotator once --sandbox -c config.example.yaml  try it without an account
"""
    parser = _command(commands, "once", "take what is due now, wait, prune, and end", text)
    _account(parser, sandbox=True)
    _servers(parser)
    _now(parser)
    parser.add_argument("--no-wait", action="store_true", help="do not wait for snapshots in progress")
    _logging(parser)
    _lock(parser)


def _plan(commands: Commands) -> None:
    text = """\
Shows, per server, what `once` would do now and why, and why every restore
point stays or goes. Sends GET requests only.

examples:
  rotator plan
  rotator plan --now --server web-server-01      what would `once --now` do?
  rotator plan --json | jq '.servers[] | select(.blocked)'
"""
    parser = _command(commands, "plan", "show what would be done now, without doing it", text)
    _account(parser, sandbox=True)
    _servers(parser)
    _now(parser)
    _json(parser)
    _logging(parser)


def _prune(commands: Commands) -> None:
    text = """\
For a policy that was tightened on purpose, or adopts snapshots: unattended,
rotator prunes at most 2 surplus restore points of a server and holds the rest.
This command shows everything that the keep rules give up, asks, and deletes it,
looking at a fresh list before each delete.

examples:
  rotator prune                                  show, ask, delete
  rotator prune --server web-server-01 --yes     without asking
"""
    parser = _command(commands, "prune", "delete what the keep rules give up, after asking", text)
    _account(parser, sandbox=False)
    _servers(parser)
    _yes(parser)
    _logging(parser)
    _lock(parser)


def _status(commands: Commands) -> None:
    text = """\
Shows, per server, the five slots, the ages of the restore points, the last and
the next slot, and what is wrong. Sends GET requests only. Exits 1 if something
is wrong, so that a monitor can call it.

examples:
  rotator status
  rotator status --server 12345 --json
"""
    parser = _command(commands, "status", "show restore points, slots and problems per server", text)
    _account(parser, sandbox=True)
    _servers(parser)
    _json(parser)
    _logging(parser)


def _check(commands: Commands) -> None:
    text = """\
Checks the configuration without the network and shows what it means. With
--online also asks the API: is the token good, do the server ids exist, do they
have the names they have here?

examples:
  rotator check -c config.example.yaml
  rotator check --online
"""
    parser = _command(commands, "check", "check the configuration and show what it means", text)
    _account(parser, sandbox=False)
    parser.add_argument("--online", action="store_true", help="also check token, server ids and names at the API")
    _logging(parser)


def _restore(commands: Commands) -> None:
    text = """\
Overwrites a server's whole disk with a restore point. The server stops; what
was written since then is lost; it takes 5 to 15 minutes and cannot be undone.
Asks for the server's name first. The id is shown by `rotator status --json`.

examples:
  rotator restore 801
  rotator restore 801 --yes                      without asking
"""
    parser = _command(commands, "restore", "overwrite a server with a restore point, after asking", text)
    parser.add_argument("snapshot_id", metavar="ID", help="the id of the snapshot")
    _account(parser, sandbox=False)
    _yes(parser)
    _logging(parser)


def _sandbox(commands: Commands) -> None:
    text = """\
Serves the VPS.org snapshot API on this machine, with servers of its own, to try
rotator, scripts or policies against. Nothing leaves the machine and nothing is
kept when it ends. Prints how to point rotator at it.

examples:
  rotator sandbox
  rotator sandbox --port 8377 --servers 1000 --config-out /tmp/config.yaml
  rotator sandbox --create-time 30s --latency 50ms --fail-rate 5%
"""
    parser = _command(commands, "sandbox", "serve a local VPS.org API to try things against", text)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--servers", type=int, default=5, metavar="N", help="how many servers it has (default: 5)")
    parser.add_argument("--create-time", default="2s", metavar="TIME", help="how long a snapshot takes (default: 2s)")
    parser.add_argument("--latency", default="0s", metavar="TIME", help="delay of every answer (default: 0s)")
    parser.add_argument("--fail-rate", default="0%", metavar="PERCENT", help="snapshots that fail (default: 0%%)")
    parser.add_argument("--token", default="sandbox", help="the token it accepts (default: sandbox)")
    parser.add_argument("--config-out", metavar="FILE", help="write a configuration for it to FILE")


def _schema(commands: Commands) -> None:
    text = """\
Prints the JSON Schema (draft-07) of the configuration. Editors with a YAML
language server complete and check the file with it:
  # yaml-language-server: $schema=./rotator.schema.json

examples:
  rotator schema > rotator.schema.json
"""
    _command(commands, "schema", "print the JSON Schema of the configuration", text)


def _account(parser: argparse.ArgumentParser, *, sandbox: bool) -> None:
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


def _servers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server", action="append", metavar="NAME|ID", help="only this server of the configuration (repeatable)"
    )


def _now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--now", action="store_true", help="take a snapshot now, whether or not one is due")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs; the keys are stable")


def _yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def _lock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lock-file", metavar="FILE", help="allows one instance at a time (default: named after the configuration)"
    )


def _logging(parser: argparse.ArgumentParser) -> None:
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
