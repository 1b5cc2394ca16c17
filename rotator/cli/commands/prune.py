"""`rotator prune`: what the keep rules give up, shown, confirmed, deleted."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from rotator.cli.account import Account, open_account, single_instance, survey
from rotator.cli.ask import typed
from rotator.cli.clock import clock
from rotator.cli.commands.plan import action_lines
from rotator.cli.picture import picture
from rotator.cli.words import bullet, heading, painted, write
from rotator.engine import NoLedger, Outcome, Report
from rotator.engine.prune import prune_server
from rotator.errors import CredentialsError, Exit, UnreachableError
from rotator.naming import printable
from rotator.planner import prune_plan
from rotator.planner.words import counted


def run(arguments: argparse.Namespace) -> int:
    """Show, ask, delete; returns the exit code."""
    with open_account(arguments) as account, single_instance(arguments, account.config):
        report = survey(arguments, account, prune_plan)
        if report.error is not None:
            raise report.error
        write(_lines(report))
        found = [outcome for outcome in report.outcomes if outcome.plan and outcome.plan.actions]
        count = sum(len(outcome.plan.actions) for outcome in found if outcome.plan)
        if not count:
            write(["nothing to prune"])
            return report.exit_code
        question = f"Delete {counted(count, 'restore point')} for good? Type yes: "
        if not arguments.yes and not typed(question, "yes"):
            write(["nothing was deleted"])
            return Exit.PROBLEM
        return max(report.exit_code, _delete(account, found))


def _delete(account: Account, found: list[Outcome]) -> Exit:
    """Delete server by server; one that fails does not stop the next (S9), except for trouble of the account."""
    code, deleted = Exit.DONE, 0
    for outcome in found:
        confirmed = {each.snapshot_id for each in outcome.plan.actions if each.snapshot_id} if outcome.plan else set()
        done, error = prune_server(account.client, account.state or NoLedger(), clock, outcome.policy, confirmed)
        write([f"{printable(outcome.policy.server)}: {len(done)} of {len(confirmed)} deleted"])
        if error:
            write([painted(bullet("!", str(error)), "red")])
        if isinstance(error, CredentialsError | UnreachableError):
            return Exit.PROBLEM if deleted or done else error.exit_code
        deleted += len(done)
        if len(done) < len(confirmed):
            code = Exit.PROBLEM
    return code


def _lines(report: Report) -> Iterator[str]:
    for outcome in report.outcomes:
        name = printable(outcome.policy.server)
        if outcome.plan is None:
            yield painted(bullet("!", f"{name}: {outcome.reason}"), "red")
        elif outcome.plan.actions:
            places = picture(outcome.policy, outcome.observation)
            yield heading(outcome.policy.server, outcome.policy.server_id, places)
            yield from action_lines(outcome.plan)
        elif outcome.plan.blocked:
            yield painted(bullet("!", f"{name}: {outcome.plan.blocked}"), "red")
        elif outcome.plan.waiting:
            yield bullet("~", f"{name}: {outcome.plan.waiting}; nothing is pruned until it is complete")
