"""`rotator simulate`: what a configuration comes to over the next months; offline, on a virtual clock."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from rotator.cli.clock import clock
from rotator.cli.progress import Days
from rotator.cli.servers import chosen
from rotator.cli.simulate.document import as_json, broken_json
from rotator.cli.simulate.lines import lines
from rotator.cli.simulate.options import command_of, named, picture_file, settings_of, shortened
from rotator.cli.words import bullet, painted, write
from rotator.config import Config, find_config, load
from rotator.errors import Exit, UsageError
from rotator.logs import Redactor, setup, silence
from rotator.model import Policy
from rotator.naming import printable
from rotator.planner.words import counted, instant
from rotator.simulate import BrokenRule, Settings, Story, VirtualClock, simulate


def run(arguments: argparse.Namespace) -> int:
    """Simulate, and tell what came of it; PROBLEM if a safety rule was broken."""
    config = load(find_config(arguments.config, os.environ))
    settings = settings_of(arguments, config.timing.poll_interval, clock())
    policies = chosen(config.policies, arguments.server)
    if not policies:
        raise UsageError(f"{config.path}: no server is enabled, so there is nothing to simulate")
    picture = picture_file(arguments.svg, config.path)
    virtual = VirtualClock(settings.begun)
    with _logging(arguments, virtual), _no_collections(), Days(settings, is_logged=bool(arguments.log_level)) as days:
        try:
            story = simulate(policies, settings, virtual, beat=days.show)
        except BrokenRule as broken:
            write(_broken(arguments, config, settings, policies, broken))
            return Exit.PROBLEM
    if arguments.json:
        write([json.dumps(as_json(story, settings), indent=2)])
    else:
        write(lines(story, settings))
    if picture is not None:
        _draw(story, picture)
        if not arguments.json:
            write([f"Picture: {printable(str(picture))}, {counted(len(story.servers), 'server')}"])
    return Exit.DONE


def _logging(arguments: argparse.Namespace, virtual: VirtualClock) -> AbstractContextManager[None]:
    """Nothing is logged unless it is asked for; then at the times of the simulation."""
    if arguments.log_level is None:
        return silence()
    style = arguments.log_format or ("console" if sys.stderr.isatty() else "json")
    setup(style, arguments.log_level, Redactor(), virtual)
    return nullcontext()


@contextmanager
def _no_collections() -> Iterator[None]:
    """A simulation makes millions of values and no cycles: looking for some would only take time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _draw(story: Story, path: Path) -> None:
    from rotator.replace import replace_file
    from rotator.simulate.timeline import timeline

    target = path.resolve()  # a link stays one
    mask = os.umask(0o077)  # it can only be read by setting it; a new file has the mode that open() would give it
    os.umask(mask)
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~mask
        replace_file(target, (f"{line}\n".encode() for line in timeline(story.servers, story)), mode)
    except OSError as error:
        raise UsageError(f"--svg {path}: {error.strerror}; name another file") from None


def _broken(
    arguments: argparse.Namespace,
    config: Config,
    settings: Settings,
    policies: Sequence[Policy],
    broken: BrokenRule,
) -> Iterator[str]:
    """Which rule, when, and the shortest command that shows it again."""
    short = shortened(arguments, settings, broken.at)
    alone = [broken.policy] if _breaks([broken.policy], short, broken) else policies
    servers = named(alone) if arguments.server or len(alone) < len(config.policies) else []
    replay = command_of(arguments, short, config.path, servers)
    if arguments.json:
        yield json.dumps(broken_json(settings, broken.words, broken.at, broken.policy.server, replay), indent=2)
        return
    yield painted(bullet("!", f"{broken.words}, at {instant(broken.at)}, on {broken.policy.server}"), "red")
    yield "This is a fault of rotator: please report it, with what this command prints:"
    yield f"  {replay}"


def _breaks(policies: Sequence[Policy], settings: Settings, broken: BrokenRule) -> bool:
    """Whether these servers alone come to the same."""
    try:
        simulate(policies, settings)
    except BrokenRule as again:
        return (again.words, again.at) == (broken.words, broken.at)
    return False
