"""From arguments to something to work with: the configuration, the servers asked for, the API or the sandbox."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.api import Client
from rotator.api.caller import Observe
from rotator.cli.clock import boottime, clock, uptime
from rotator.cli.hooks import hook_runner
from rotator.cli.locations import lock_file, state_file
from rotator.cli.servers import chosen
from rotator.config import Config, Timing, find_config, load, read_token
from rotator.engine import Decide, Engine, Report
from rotator.engine.quiet import no_hooks
from rotator.logs import Event, Redactor, logger, setup

if TYPE_CHECKING:
    from rotator.daemon.lock import InstanceLock
    from rotator.state import State

SANDBOX_CREATE_TIME = timedelta(seconds=2)
SANDBOX_POLL_INTERVAL = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Account:
    """A configuration and a client for its API; `redactor` keeps its token out of the logs.

    `state` is what outlasts the process; None where nothing does.
    """

    config: Config
    client: Client
    redactor: Redactor
    state: State | None = None


def start_logging(arguments: argparse.Namespace) -> Redactor:
    """Set logging up as the arguments ask; on a terminal a command's own output says what info lines would."""
    terminal = sys.stderr.isatty()
    quiet = terminal and arguments.command != "run"
    redactor = Redactor()
    setup(
        arguments.log_format or ("console" if terminal else "json"),
        arguments.log_level or ("warning" if quiet else "info"),
        redactor,
    )
    return redactor


def load_config(arguments: argparse.Namespace) -> Config:
    """The configuration that the arguments and the environment name; its warnings go to the log."""
    config = load(find_config(arguments.config, os.environ))
    for warning in config.warnings:
        logger().warning(Event.CONFIG_WARNING, reason=warning)
    return config


@contextmanager
def open_account(arguments: argparse.Namespace, observe: Observe | None = None) -> Iterator[Account]:
    """Everything a command needs to talk to the API, or to the embedded sandbox in its place.

    `observe` is told of every exchange with the API.
    """
    redactor = start_logging(arguments)
    config = load_config(arguments)
    if arguments.sandbox:
        with _sandbox(config, redactor, observe) as account:
            yield account
        return
    client = real_client(arguments, config, redactor, observe)
    with open_state(arguments, config.path) as state:
        yield Account(config, client, redactor, state)


_LOOKERS = ("plan", "status")
"""Commands that read what is there and leave nothing behind."""


@contextmanager
def open_state(arguments: argparse.Namespace, config: Path) -> Iterator[State | None]:
    """The state of a configuration, made where there is none yet, unless the command only looks."""
    from rotator.state import State

    path = state_file(arguments, config)
    if arguments.command in _LOOKERS and not path.exists():
        yield None
        return
    state = State.open(path.parent, path.name, clock, uptime, by=arguments.command)
    try:
        yield state
    finally:
        state.close()


def reloaded(arguments: argparse.Namespace, account: Account, observe: Observe | None = None) -> Account:
    """The account by what its file says now; raises ConfigError or CredentialsError where that cannot be used."""
    config = load_config(arguments)
    if arguments.sandbox:
        return replace(account, config=_sandbox_config(config))
    return replace(account, config=config, client=real_client(arguments, config, account.redactor, observe))


def real_client(
    arguments: argparse.Namespace, config: Config, redactor: Redactor, observe: Observe | None = None
) -> Client:
    """A client with the token from the first place that has one; raises CredentialsError if none has."""
    token = read_token(arguments.token_file, config.api.token_file, os.environ)
    redactor.hide(token.value)
    for warning in token.warnings:
        logger().warning(Event.CONFIG_WARNING, reason=warning)
    return Client(config.api.url, token.value, timeout=config.api.timeout, clock=clock, observe=observe)


@contextmanager
def _sandbox(config: Config, redactor: Redactor, observe: Observe | None) -> Iterator[Account]:
    import secrets

    from rotator.sandbox import Cloud, Sandbox, fill

    cloud = Cloud(clock, create_time=SANDBOX_CREATE_TIME)
    fill(cloud, config.policies, clock())
    token = secrets.token_urlsafe()
    with Sandbox(cloud, token) as sandbox:
        client = Client(sandbox.url, token, timeout=config.api.timeout, clock=clock, observe=observe)
        yield Account(_sandbox_config(config), client, redactor)


def _sandbox_config(config: Config) -> Config:
    """Its snapshots take seconds, so they are looked at more often."""
    return replace(config, timing=Timing(poll_interval=SANDBOX_POLL_INTERVAL, stuck_after=config.timing.stuck_after))


@contextmanager
def single_instance(arguments: argparse.Namespace, config: Config) -> Iterator[InstanceLock | None]:
    """Hold the instance lock; the embedded sandbox has nothing that two instances could harm."""
    from rotator.daemon.lock import InstanceLock

    if arguments.sandbox:
        yield None
    else:
        with InstanceLock(lock_file(arguments, config.path)) as lock:
            yield lock


def engine_for(
    arguments: argparse.Namespace,
    account: Account,
    stopping: threading.Event | None = None,
    retry_delays: tuple[timedelta, ...] = (),
    beat: Callable[[], None] = lambda: None,
) -> Engine:
    """An engine for the account; without `retry_delays` it leaves a failed slot to the next run.

    Against the embedded sandbox no hook is run: it would be run for a real server.
    """
    return Engine(
        account.client,
        clock,
        boottime,
        parallel=account.config.api.parallel,
        poll_interval=account.config.timing.poll_interval,
        retry_delays=retry_delays,
        stopping=stopping,
        ledger=account.state,
        run_hook=no_hooks if arguments.sandbox or stopping is None else hook_runner(stopping),
        beat=beat,
        by=arguments.command,
    )


def survey(arguments: argparse.Namespace, account: Account, decide: Decide) -> Report:
    """One look at the servers asked for; sends GET only."""
    engine = engine_for(arguments, account)
    try:
        return engine.survey(chosen(account.config.policies, arguments.server), decide)
    finally:
        engine.close()
