"""`rotator run`: the daemon."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from rotator.cli.account import Account, clock, engine_for, open_account, reloaded, single_instance
from rotator.daemon.loop import Daemon, Setup
from rotator.daemon.signals import Signals
from rotator.engine import RETRY_DELAYS


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    with Signals() as signals, open_account(arguments) as account, single_instance(arguments, account.config):
        daemon = Daemon(_loader(arguments, account, signals), signals, clock, time.monotonic)
        code = daemon.run()
        daemon.close()
        return code


def _loader(arguments: argparse.Namespace, account: Account, signals: Signals) -> Callable[[], Setup]:
    """Gives the set-up that was checked at the start, then, for every reload, what the file says by then."""
    opened = [account]

    def load() -> Setup:
        current = opened.pop() if opened else reloaded(arguments, account)
        return Setup(current.config, engine_for(current, signals.stopping, RETRY_DELAYS))

    return load
