"""Commands for a person at work: restore, notify-test, sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.cli.parser.options import account, command, lock, logging, path, state, yes

if TYPE_CHECKING:
    from rotator.cli.parser.options import Commands


def restore(commands: Commands) -> None:
    """The arguments and the help of `rotator restore`."""
    text = """\
Overwrites a server's whole disk with a restore point. The server stops; what
was written since then is lost; it takes 5 to 15 minutes and cannot be undone.

Shows which restore point that is and what will be lost, and asks for the
server's name. If there is room, takes a safety snapshot of the server as it is
now and waits until it is complete. While the server is being restored, rotation
leaves it alone, also in a daemon that runs meanwhile.

examples:
  rotator restore --server web-server-01 --at "2026-11-20 14:00"
                                        the newest restore point not after that
                                        time, in the policy's time zone
  rotator restore 801                            the snapshot with this id
  rotator restore 801 --no-safety --yes          no safety snapshot, no question
"""
    parser = command(commands, "restore", "overwrite a server with a restore point, after asking", text)
    parser.add_argument(
        "snapshot_id", metavar="ID", nargs="?", help="the id of the snapshot, see `rotator status --json`"
    )
    parser.add_argument("--server", metavar="NAME|ID", help="the server to restore; needs --at or ID")
    parser.add_argument("--at", metavar="TIME", help="as the server was at that time, or as near before it as there is")
    parser.add_argument("--no-safety", action="store_true", help="take no snapshot of the server as it is now")
    parser.add_argument("--no-wait", action="store_true", help="do not wait until the restore is over")
    account(parser, sandbox=False)
    yes(parser)
    logging(parser)
    lock(parser)
    state(parser)


def notify_test(commands: Commands) -> None:
    """The arguments and the help of `rotator notify-test`."""
    text = """\
Sends one of each notification through every channel of `notify` in the
configuration, marked as a test, and shows what each answered. Exits 1 if one
of them failed.

examples:
  rotator notify-test -c /etc/rotator/config.yaml
"""
    parser = command(commands, "notify-test", "send a test through every configured channel", text)
    account(parser, sandbox=False)
    logging(parser)


def sandbox(commands: Commands) -> None:
    """The arguments and the help of `rotator sandbox`."""
    text = """\
Serves the VPS.org snapshot API on this machine, with servers of its own, to try
rotator, scripts or policies against. Nothing leaves the machine and nothing is
kept when it ends. Prints how to point rotator at it.

examples:
  rotator sandbox
  rotator sandbox --port 8377 --servers 1000 --config-out /tmp/config.yaml
  rotator sandbox --create-time 30s --latency 50ms --fail-rate 5%
  rotator sandbox --restore-time 2m              to see rotation stay away
  rotator sandbox --hold-after 2                 the second request is processed
                                        and never answered: kill its sender
                                        then, start it again, and look
"""
    parser = command(commands, "sandbox", "serve a local VPS.org API to try things against", text)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--servers", type=int, default=5, metavar="N", help="how many servers it has (default: 5)")
    parser.add_argument("--create-time", default="2s", metavar="TIME", help="how long a snapshot takes (default: 2s)")
    parser.add_argument("--restore-time", default="10s", metavar="TIME", help="how long a restore takes (default: 10s)")
    parser.add_argument("--latency", default="0s", metavar="TIME", help="delay of every answer (default: 0s)")
    parser.add_argument(
        "--fail-rate", metavar="PERCENT", default="0%", help="how many snapshots fail, such as 5%% (default: 0%%)"
    )
    hold = parser.add_mutually_exclusive_group()
    hold.add_argument(
        "--hold-before", type=int, metavar="N", help="never process nor answer the Nth request, and say when it came"
    )
    hold.add_argument(
        "--hold-after", type=int, metavar="N", help="process the Nth request and never answer it, and say when it came"
    )
    parser.add_argument("--token", default="sandbox", help="the token it accepts (default: sandbox)")
    parser.add_argument("--config-out", metavar="FILE", type=path, help="write a configuration for it to FILE")
