"""Commands that only look: plan, simulate, status, history, check, doctor, health, schema."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rotator.cli.parser.options import account, command, json, lock, logging, now, path, servers, state

if TYPE_CHECKING:
    from datetime import timedelta

    from rotator.cli.parser.options import Commands

_DOCTOR_CODES = """\
exit codes:
  0 nothing failed; there may be warnings      1 something failed
  2 wrong usage
"""

_SIMULATE_CODES = """\
exit codes:
  0 simulated      1 a safety rule was broken, which is a fault of rotator
  2 wrong usage   78 configuration
"""

_HEALTH_CODES = """\
exit codes:
  0 the loop turns      1 it stands still, no daemon runs, or nobody can tell
  2 wrong usage
"""


def plan(commands: Commands) -> None:
    """The arguments and the help of `rotator plan`."""
    text = """\
Shows, per server, what `once` would do now and why, and why every restore
point stays or goes. Sends GET requests only.

examples:
  rotator plan
  rotator plan --now --server web-server-01      what would `once --now` do?
  rotator plan --json | jq '.servers[] | select(.blocked)'
"""
    parser = command(commands, "plan", "show what would be done now, without doing it", text)
    account(parser, sandbox=True)
    servers(parser)
    now(parser)
    json(parser)
    logging(parser)
    state(parser)


def simulate(commands: Commands) -> None:
    """The arguments and the help of `rotator simulate`."""
    text = """\
Shows what the configuration comes to over the next months: the restore points
there would be on the last day, the longest gap, how far back they reach, the
slots that are missed, and what an outage costs. The real planner and the real
engine run on a virtual clock against a virtual account, and every call is
checked by the safety rules. Needs no token and no network; hooks are not run.
The same options give the same output.

examples:
  rotator simulate                               90 days without trouble
  rotator simulate --fail 5% --outage 12h@day9   and with some
  rotator simulate --foreign 1 --server 12345    and one made by hand
  rotator simulate --days 365 --svg year.svg     as a picture, too
  rotator simulate --json | jq '.servers[] | [.server, .longest_gap_s]'
"""
    parser = command(commands, "simulate", "show what the configuration comes to over months", text, _SIMULATE_CODES)
    account(parser, sandbox=False, token=False)
    _time(parser)
    _trouble(parser)
    parser.add_argument(
        "--svg",
        metavar="FILE",
        type=path,
        help="draw every restore point's life into this file (replaced if it is there)",
    )
    servers(parser)
    json(parser)
    logging(parser)


def _time(parser: argparse.ArgumentParser) -> None:
    """Which time is simulated."""
    parser.add_argument("--days", metavar="N", default="90", help="how long (default: 90)")
    parser.add_argument(
        "--from", metavar="DATE", dest="begin", help="when it begins, in UTC, such as 2027-03-01T14:00 (default: today)"
    )


def _trouble(parser: argparse.ArgumentParser) -> None:
    """What goes wrong in a simulation, and how long a snapshot takes."""
    parser.add_argument(
        "--fail", metavar="PERCENT", default="0%", help="how many snapshots fail, such as 5%% (default: 0%%)"
    )
    parser.add_argument(
        "--outage",
        metavar="SPAN@dayN",
        action="append",
        help="the API answers nobody for so long: 12h@day9, or 12h@day9T14:00 (repeatable)",
    )
    parser.add_argument(
        "--foreign", metavar="N", default="0", help="snapshots made by hand, on every server (default: 0)"
    )
    parser.add_argument("--seed", metavar="N", default="0", help="other snapshots fail with another (default: 0)")
    parser.add_argument("--create-time", metavar="TIME", default="5m", help="how long a snapshot takes (default: 5m)")


def status(commands: Commands) -> None:
    """The arguments and the help of `rotator status`."""
    text = """\
Shows, per server, the five places, the ages of the restore points, the last and
the next slot, and what is wrong. Sends GET requests only. Exits 1 if something
is wrong, so that a monitor can call it.

examples:
  rotator status
  rotator status --server 12345 --json
"""
    parser = command(commands, "status", "show places, restore points and problems per server", text)
    account(parser, sandbox=True)
    servers(parser)
    json(parser)
    logging(parser)
    state(parser)


def check(commands: Commands) -> None:
    """The arguments and the help of `rotator check`."""
    text = """\
Checks the configuration, and the files and packages it names, without the
network, and shows what it means; refuses what `run` would refuse. With --online
also asks the API: is the token good, do the server ids exist, do they have the
names they have here?

examples:
  rotator check -c config.example.yaml
  rotator check --online
"""
    parser = command(commands, "check", "check the configuration and show what it means", text)
    account(parser, sandbox=False)
    parser.add_argument("--online", action="store_true", help="also check token, server ids and names at the API")
    logging(parser)


def schema(commands: Commands) -> None:
    """The arguments and the help of `rotator schema`."""
    text = """\
Prints the JSON Schema (draft-07) of the configuration. Editors with a YAML
language server complete and check the file with it, if its first line is
  # yaml-language-server: $schema=./rotator.schema.json

examples:
  rotator schema > rotator.schema.json
"""
    command(commands, "schema", "print the JSON Schema of the configuration", text)


def history(commands: Commands) -> None:
    """The arguments and the help of `rotator history`."""
    text = """\
Shows what rotator created, deleted and restored, when and why, newest first, as
far as it is kept: 90 days. Reads a file of this machine and asks no API.

examples:
  rotator history --since 30d                    what was deleted last month?
  rotator history --server web-server-01 --json
  rotator history --since 2026-11-01 --until 2026-11-08
"""
    parser = command(commands, "history", "show what was created and deleted, and why", text)
    account(parser, sandbox=False, token=False)
    servers(parser)
    parser.add_argument(
        "--since", metavar="TIME", help="only from then on: 2026-11-01, 2026-11-01T14:00, or 30d for 30 days ago"
    )
    parser.add_argument("--until", metavar="TIME", help="only up to then, in the same forms")
    json(parser)
    state(parser)
    logging(parser)


def doctor(commands: Commands) -> None:
    """The arguments and the help of `rotator doctor`."""
    text = """\
Looks at everything rotator needs, one line each, with the remedy where
something is wrong: the program, the configuration, the token and who may read
it, the API and how fast it answers, the clock, the state, the lock, the
service and its environment, and what else is configured. Sends GET requests
only, changes nothing, and works with a broken configuration too.

examples:
  rotator doctor
  sudo rotator doctor --token-file /etc/rotator/token
  rotator doctor --json | jq -r '.findings[] | select(.remedy) | .remedy'
"""
    parser = command(commands, "doctor", "look at everything rotator needs, with remedies", text, _DOCTOR_CODES)
    account(parser, sandbox=False)
    json(parser)
    lock(parser)
    state(parser)
    logging(parser)


def health(commands: Commands) -> None:
    """The arguments and the help of `rotator health`."""
    text = """\
For a container's HEALTHCHECK or a liveness probe: does the daemon's loop turn?
Looks at the instance lock on this machine; asks no API and reads neither the
configuration nor the token. That a server fails is no reason to restart the
daemon; for that see `rotator status`.

examples:
  rotator health -c /etc/rotator/config.yaml
  rotator health --lock-file /run/rotator/rotator.lock --max-age 90s
"""
    parser = command(commands, "health", "tell whether the daemon's loop is alive", text, _HEALTH_CODES)
    parser.add_argument(
        "--max-age",
        metavar="TIME",
        type=_duration,
        default="3m",
        help="how long ago the loop may have turned (default: 3m)",
    )
    account(parser, sandbox=False, token=False)
    lock(parser)


def _duration(text: str) -> timedelta:
    """A time as the configuration has it; argparse tells what is wrong with it."""
    from rotator.config.rules import duration

    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
