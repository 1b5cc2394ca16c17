"""Completions of the `rotator` command for bash, zsh and fish, made from its parser while the wheel is built."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import shtab

FILES = {
    "bash": "share/bash-completion/completions/rotator",
    "zsh": "share/zsh/site-functions/_rotator",
    "fish": "share/fish/vendor_completions.d/rotator.fish",
}
"""Where each shell looks, below the prefix of an installation."""

_PATHS = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one shell; arguments that are a FILE or a DIR complete paths."""
    for action in _actions(parser):
        if isinstance(action.metavar, str) and action.metavar in _PATHS:
            action.complete = _PATHS[action.metavar]  # type: ignore[attr-defined] # where shtab looks for it
    return shtab.complete(parser, shell) + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001 - has no public name
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for summary in action._choices_actions:  # noqa: SLF001
                command = action.choices[summary.dest]
                command.description = summary.help  # the line that shells show beside a command
                yield from _actions(command)
