"""Commands that take snapshots and prune: run, once, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.cli.parser.options import account, command, lock, logging, now, path, servers, state, yes

if TYPE_CHECKING:
    from rotator.cli.parser.options import Commands


def run(commands: Commands) -> None:
    """The arguments and the help of `rotator run`."""
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
    parser = command(commands, "run", "run for ever, as a service or in a container", text)
    account(parser, sandbox=True)
    logging(parser)
    lock(parser)
    state(parser)


def once(commands: Commands) -> None:
    """The arguments and the help of `rotator once`."""
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
    parser = command(commands, "once", "take what is due now, wait, prune, and end", text)
    account(parser, sandbox=True)
    servers(parser)
    now(parser)
    parser.add_argument("--no-wait", action="store_true", help="do not wait for snapshots in progress")
    parser.add_argument(
        "--metrics-file",
        metavar="FILE",
        type=path,
        help="write metrics for node_exporter's textfile collector, to a *.prom (extra: metrics)",
    )
    logging(parser)
    lock(parser)
    state(parser)


def prune(commands: Commands) -> None:
    """The arguments and the help of `rotator prune`."""
    text = """\
Shows everything that the keep rules give up, asks, and deletes it, looking at a
fresh list before each delete. It is for a policy that was tightened on purpose
or adopts snapshots: unattended, rotator prunes at most 2 surplus restore points
of a server and holds the rest.

examples:
  rotator prune                                  show, ask, delete
  rotator prune --server web-server-01 --yes     without asking
"""
    parser = command(commands, "prune", "delete what the keep rules give up, after asking", text)
    account(parser, sandbox=False)
    servers(parser)
    yes(parser)
    logging(parser)
    lock(parser)
    state(parser)
