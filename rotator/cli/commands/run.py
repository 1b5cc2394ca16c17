"""`rotator run`: the daemon."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

from rotator.cli.account import Account, engine_for, open_account, reloaded, single_instance
from rotator.cli.audience import Audience
from rotator.cli.clock import clock
from rotator.daemon.loop import Daemon, Setup
from rotator.daemon.pulse import Pulse
from rotator.daemon.service_manager import ServiceManager
from rotator.daemon.signals import Signals
from rotator.daemon.watch import Watchers
from rotator.engine import RETRY_DELAYS


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    audience = Audience(clock, os.environ, lasting=True)
    with (
        Signals() as signals,
        open_account(arguments, audience.api_request) as account,
        single_instance(arguments, account.config) as lock,
    ):
        manager = ServiceManager(os.environ, os.getpid(), time.monotonic)
        watchers = Watchers([*([Pulse(lock, account.state)] if lock else []), manager, audience])
        load = _loader(arguments, account, signals, audience, lambda: watchers.woke(clock()))
        try:
            daemon = Daemon(load, signals, clock, time.monotonic, watchers)
            code = daemon.run()
            daemon.close()
        finally:
            audience.closing("")
        return code


def _loader(
    arguments: argparse.Namespace, account: Account, signals: Signals, audience: Audience, beat: Callable[[], None]
) -> Callable[[], Setup]:
    """Gives the set-up that was checked at the start, then, for every reload, what the file says by then."""
    opened = [account]

    def load() -> Setup:
        current = opened.pop() if opened else reloaded(arguments, account, audience.api_request)
        audience.adopt(current)
        return Setup(current.config, engine_for(arguments, current, signals.stopping, RETRY_DELAYS, beat))

    return load
