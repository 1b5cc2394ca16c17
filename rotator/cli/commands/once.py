"""`rotator once`: passes until nothing is left to do, then what was done and why."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rotator.cli.account import Account, engine_for, open_account, single_instance
from rotator.cli.audience import Audience
from rotator.cli.clock import clock
from rotator.cli.journal import Journal, report_lines
from rotator.cli.progress import Progress
from rotator.cli.servers import chosen
from rotator.cli.words import write
from rotator.daemon.pulse import Pulse
from rotator.daemon.signals import Signals
from rotator.daemon.watch import Watchers
from rotator.engine import Agenda, Engine
from rotator.logs import Event, logger
from rotator.model import Policy


def run(arguments: argparse.Namespace) -> int:
    """Take what is due, wait until it is complete, prune; returns the exit code."""
    metrics_file = Path(arguments.metrics_file) if arguments.metrics_file else None
    audience = Audience(clock, os.environ, lasting=False, metrics=metrics_file is not None)
    with (
        Signals() as signals,
        open_account(arguments, audience.api_request) as account,
        single_instance(arguments, account.config) as lock,
    ):
        if metrics_file and metrics_file.suffix != ".prom":
            reason = f"--metrics-file {metrics_file}: node_exporter reads only files whose names end in .prom"
            logger().warning(Event.CONFIG_WARNING, reason=reason)
        policies = chosen(account.config.policies, arguments.server)
        requested = clock().replace(microsecond=0) if arguments.now else None
        audience.adopt(account)
        watchers = Watchers([*([Pulse(lock, account.state)] if lock else []), audience])
        try:
            watchers.configured(account.config, clock())
            audience.began()
            engine = engine_for(arguments, account, signals.stopping, beat=lambda: watchers.woke(clock()))
            journal = _rotate(engine, account, policies, requested, signals, watchers, wait=not arguments.no_wait)
            # What is still quiet for a snapshot that nobody waits for here.
            engine.let_go()
            journal.note_owed(engine.owed())
            engine.close()
            lines = list(report_lines(journal, clock()))
            write(lines)
            audience.finished(journal.exit_code, "\n".join(lines), metrics_file, signals.stopping)
            return journal.exit_code
        finally:
            audience.closing("")


def _rotate(
    engine: Engine,
    account: Account,
    policies: Sequence[Policy],
    requested: datetime | None,
    signals: Signals,
    watchers: Watchers,
    *,
    wait: bool,
) -> Journal:
    agenda = Agenda(policies, clock(), lasting=False, patient=wait)
    journal = Journal(clock())
    progress = Progress(len(policies))
    while (at := agenda.next_at()) is not None and not signals.stopping.is_set():
        # No appointment of a one-shot is further away than a poll, unless the clock was set back meanwhile.
        left = min(at - clock(), account.config.timing.poll_interval)
        progress.sleeping(signals, left.total_seconds(), journal, clock)
        watchers.woke(clock())
        due = agenda.due(max(at, clock()))
        if due and not signals.stopping.is_set():
            report = engine.run_pass(due, requested)
            journal.note(report)
            agenda.note(report)
            watchers.passed(report, clock())
    progress.clear()
    journal.interrupted = signals.stopping.is_set() and journal.is_open()
    return journal
