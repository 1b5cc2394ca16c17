"""`rotator sandbox`: serve the API on this machine until interrupted."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rotator.cli.clock import clock
from rotator.cli.percent import share
from rotator.cli.words import write
from rotator.config.rules import duration
from rotator.daemon.signals import Signals
from rotator.errors import Exit, UsageError
from rotator.planner.words import counted
from rotator.sandbox import Cloud, Hold, Request, Sandbox, configuration, fleet

MOST_SERVERS = 100_000
LONGEST_SPAN = timedelta(hours=24)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    if not 1 <= arguments.servers <= MOST_SERVERS:
        raise UsageError(f"--servers {arguments.servers}: give a number from 1 to {MOST_SERVERS}")
    if (
        not arguments.token.isascii()
        or not arguments.token.isprintable()
        or " " in arguments.token
        or not arguments.token
    ):
        raise UsageError("--token: use printable ASCII characters without spaces")
    cloud = Cloud(
        clock,
        create_time=_span(arguments, "create_time"),
        restore_time=_span(arguments, "restore_time"),
        fail_rate=share("--fail-rate", arguments.fail_rate),
    )
    fleet(cloud, arguments.servers)
    with Signals() as signals, _served(arguments, cloud) as sandbox:
        text = configuration(cloud, sandbox.url)
        if arguments.config_out:
            _save(text, Path(arguments.config_out))
        write(_how_to(arguments, sandbox.url, text))
        sys.stdout.flush()
        while not signals.stopping.is_set():
            signals.sleep(3600)
            signals.take_reload()
    return Exit.DONE


@contextmanager
def _served(arguments: argparse.Namespace, cloud: Cloud) -> Iterator[Sandbox]:
    if not 0 <= arguments.port <= 65535:
        raise UsageError(f"--port {arguments.port}: give a number from 0 to 65535")
    sandbox = Sandbox(cloud, arguments.token, port=arguments.port, latency=_span(arguments, "latency"))
    sandbox.intercept = _hold(arguments, sandbox)
    try:
        sandbox.start()
    except OSError as error:
        raise UsageError(
            f"--port {arguments.port}: {error.strerror}; choose another, or none for any free one"
        ) from None
    try:
        yield sandbox
    finally:
        sandbox.stop()


def _hold(arguments: argparse.Namespace, sandbox: Sandbox) -> Hold | None:
    """The request that gets no answer, if there is to be one."""
    processed = arguments.hold_after is not None
    number = arguments.hold_after if processed else arguments.hold_before
    if number is None:
        return None
    if number < 1:
        raise UsageError(f"--hold-{'after' if processed else 'before'} {number}: requests are counted from 1")
    done = "processed" if processed else "not processed"

    def tell(request: Request) -> None:
        write([f"Request {request.number}, {request.method} {request.route}, is held, {done}: kill its sender now."])

    return Hold(sandbox, number, tell, processed)


def _save(text: str, path: Path) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"--config-out {path}: there is one already; remove it, or name another file") from None
    except FileNotFoundError:
        raise UsageError(f"--config-out {path}: its folder is not there; make it, or name another file") from None
    except OSError as error:
        raise UsageError(f"--config-out {path}: {error.strerror}; name another file") from None


def _span(arguments: argparse.Namespace, name: str) -> timedelta:
    option = f"--{name.replace('_', '-')} {getattr(arguments, name)}"
    try:
        span = duration(getattr(arguments, name))
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
    if span > LONGEST_SPAN:
        raise UsageError(f"{option}: give at most 24h")
    return span


def _how_to(arguments: argparse.Namespace, url: str, text: str) -> Iterator[str]:
    """How to point rotator at it."""
    yield f"Sandbox with {counted(arguments.servers, 'server')} at {url} until Ctrl-C."
    yield "In another terminal:"
    path = arguments.config_out
    if path is None:
        path = "sandbox.yaml"
        servers = text.splitlines()
        shown = servers if len(servers) <= 40 else [*servers[:20], "  # … `--config-out FILE` writes all of them"]
        yield f"\n  cat > {path} <<'END'"
        yield from shown
        yield "END"
    yield f"  export ROTATOR_API_TOKEN={shlex.quote(arguments.token)}"
    yield f"  rotator once -c {shlex.quote(path)}"
