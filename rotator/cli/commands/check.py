"""`rotator check`: is the configuration right, and what does it mean; with --online, does the API agree."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import groupby

from rotator.cli.refusals import refusals
from rotator.cli.words import bullet, painted, write
from rotator.config import Config, find_config, load, read_token
from rotator.config.addresses import is_private
from rotator.errors import ConfigError, CredentialsError, Exit
from rotator.model import CAP, Hooks, Policy
from rotator.naming import printable
from rotator.planner.words import counted, duration_text


def run(arguments: argparse.Namespace) -> int:
    """Check, show, and ask the API if wanted; ConfigError tells what is wrong."""
    config = load(find_config(arguments.config, os.environ))
    refused, warnings = refusals(config, os.environ)
    if refused:
        raise ConfigError(refused)
    write(_lines(config, warnings))
    if not arguments.online:
        write(_token_lines(arguments, config))
        return Exit.DONE
    problems = list(_online(arguments, config))
    write(painted(bullet("!", problem), "red") for problem in problems)
    write([f"online: {counted(len(problems), 'problem')}"])
    return Exit.PROBLEM if problems else Exit.DONE


def _lines(config: Config, warnings: tuple[str, ...]) -> Iterator[str]:
    disabled = f", {len(config.disabled)} disabled" if config.disabled else ""
    yield f"{printable(str(config.path))}: ok, {counted(len(config.policies), 'server')}{disabled}"
    by_rules = sorted(config.policies, key=_rules)
    for rules, policies in groupby(by_rules, key=_rules):
        names = [printable(policy.server) for policy in policies]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        yield bullet("*", f"{rules}: {shown}")
    yield from (bullet("*", line) for line in _outlets(config))
    for warning in (*config.warnings, *warnings, *_missing_programs(config)):
        yield painted(bullet("!", warning), "yellow")


def _rules(policy: Policy) -> str:
    """What a policy means, in words."""
    spare = CAP - policy.keep.total
    order = (
        "the new one is complete before the oldest goes" if spare else "the oldest goes before the new one is complete"
    )
    parts = [f"{policy.schedule.text} ({policy.schedule.timezone}), keep {policy.keep}: {order}"]
    if policy.min_keep > 1:
        parts.append(f"never fewer than {policy.min_keep}")
    if policy.grace is not None:
        parts.append(f"up to {duration_text(policy.grace)} late")
    if policy.adopt:
        parts.append(f"adopts {', '.join(policy.adopt)}")
    if policy.max_age is not None:
        parts.append(f"told when the newest is older than {duration_text(policy.max_age)}")
    if policy.hooks:
        parts += _around(policy.hooks)
    return f"{policy.name}: {'; '.join(parts)}" if policy.name else "; ".join(parts)


def _around(hooks: Hooks) -> Iterator[str]:
    """What runs before and after each snapshot."""
    if hooks.before:
        yield f"before each snapshot runs `{hooks.before}`, for up to {duration_text(hooks.timeout)}"
    if hooks.after:
        yield f"once it is {hooks.after_when} runs `{hooks.after}`, for up to {duration_text(hooks.timeout)}"


def _missing_programs(config: Config) -> Iterator[str]:
    """Hooks that would fail here, each missing program once: it would cost a snapshot or leave a server as it is."""
    hooks: dict[Hooks, list[str]] = {}
    for policy in config.policies:
        if policy.hooks:
            hooks.setdefault(policy.hooks, []).append(policy.server)
    if not hooks:
        return
    from rotator.hooks import missing_program

    missing: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for each, servers in hooks.items():
        for phase, command in (("before", each.before), ("after", each.after)):
            if command and (told := missing_program(command, os.environ)):
                whose, phases = missing.setdefault(told, ({}, {}))
                whose.update(dict.fromkeys(servers))
                phases[phase] = None
    for told, (whose, phases) in missing.items():
        first, *others = whose
        more = f" and {len(others)} more" if others else ""
        yield f"hooks of {first}{more}, {' and '.join(phases)}: {told}"


def _outlets(config: Config) -> Iterator[str]:
    """Where rotator is looked at, and whom it tells."""
    if config.web:
        who = f"whoever has the token in {config.web.token_file}" if config.web.token_file else "everybody"
        asks = who if not is_private(config.web.listen) else f"{who} on this machine"
        yield f"status page on {config.web.listen}, for {asks}"
    if config.notify:
        channels = {
            "check-in": len(config.notify.check_ins),
            "webhook": len(config.notify.webhooks),
            "Apprise target": len(config.notify.apprise),
        }
        told = ", ".join(counted(number, noun) for noun, number in channels.items() if number)
        yield f"tells of changes: {told}; reminds every {duration_text(config.notify.remind_every)}"


def _token_lines(arguments: argparse.Namespace, config: Config) -> Iterator[str]:
    try:
        token = read_token(arguments.token_file, config.api.token_file, os.environ)
    except CredentialsError as error:
        if arguments.token_file or config.api.token_file:
            raise
        yield bullet("*", f"token: none usable from here, which is fine if the service gets its own: {error}")
        return
    yield bullet("*", f"token: from {token.source}")
    for warning in token.warnings:
        yield painted(bullet("!", warning), "yellow")


def _online(arguments: argparse.Namespace, config: Config) -> Iterator[str]:
    """What the API says against the configuration."""
    from rotator.cli.account import real_client, start_logging

    client = real_client(arguments, config, start_logging(arguments))
    who = client.account()
    may = ", ".join(who.permissions) or "nothing that the API names"
    write([f"token: {printable(who.token_name)} of {printable(who.email)}, may {printable(may)}"])
    there = {server.id: server.name for server in client.servers()}
    ours = {policy.server_id: policy.server for policy in config.policies}
    others = len(there.keys() - ours.keys())
    write([f"servers: {len(there)} in the account, {others} of them not in the configuration"])
    for server_id, name in ours.items():
        if server_id not in there:
            yield f"server {server_id} ({name}) is not in this account: check the id"
        elif there[server_id] != name:
            yield f"server {server_id} is {name!r} here but {there[server_id]!r} at the API: is the id right?"
