"""`rotator once`: passes until nothing is left to do, then what was done and why."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from rotator.cli.account import Account, chosen, clock, engine_for, open_account, single_instance
from rotator.cli.journal import Journal, report_lines
from rotator.cli.progress import Progress
from rotator.cli.words import write
from rotator.daemon.signals import Signals
from rotator.engine import Agenda
from rotator.model import Policy


def run(arguments: argparse.Namespace) -> int:
    """Take what is due, wait until it is complete, prune; returns the exit code."""
    with Signals() as signals, open_account(arguments) as account, single_instance(arguments, account.config):
        policies = chosen(account.config.policies, arguments.server)
        requested = clock().replace(microsecond=0) if arguments.now else None
        journal = _rotate(account, policies, requested, signals, wait=not arguments.no_wait)
        write(report_lines(journal, clock()))
        return journal.exit_code


def _rotate(
    account: Account, policies: Sequence[Policy], requested: datetime | None, signals: Signals, *, wait: bool
) -> Journal:
    engine = engine_for(account, signals.stopping)
    agenda = Agenda(policies, clock(), lasting=False, patient=wait)
    journal = Journal(clock())
    progress = Progress(len(policies))
    while (at := agenda.next_at()) is not None and not signals.stopping.is_set():
        # No appointment of a one-shot is further away than a poll, unless the clock was set back meanwhile.
        left = min(at - clock(), account.config.timing.poll_interval)
        progress.sleeping(signals, left.total_seconds(), *journal.standing())
        due = agenda.due(max(at, clock()))
        if due and not signals.stopping.is_set():
            report = engine.run_pass(due, requested)
            journal.note(report)
            agenda.note(report)
    progress.clear()
    journal.interrupted = signals.stopping.is_set() and journal.is_open()
    engine.close()
    return journal
