"""The command line: every command is one small function; every error becomes an exit code here, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from rotator.cli.parser import build_parser
from rotator.cli.streams import give_up_stdout, prepare
from rotator.errors import Exit, RotatorError


def run(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code and lets no traceback of a foreseeable error through."""
    try:
        prepare()
        arguments = build_parser().parse_args(argv)
        module = import_module(f"rotator.cli.commands.{arguments.command.replace('-', '_')}")
        code: int = module.run(arguments)
        sys.stdout.flush()
    except RotatorError as error:
        _complain(*str(error).splitlines())
        return error.exit_code
    except BrokenPipeError:
        give_up_stdout()  # the reader, `head` for example, has seen enough
        return Exit.DONE
    except OSError as error:
        give_up_stdout()
        _complain(f"{error.filename or 'standard output'}: {error.strerror}")
        return Exit.PROBLEM
    except KeyboardInterrupt as interrupt:
        _complain(str(interrupt) or "interrupted")
        return Exit.INTERRUPTED
    return code


def _complain(*lines: str) -> None:
    """Say it on standard error, if there is one that can be written to."""
    with suppress(OSError):
        sys.stderr.write("".join(f"rotator: {line}\n" for line in lines))
        sys.stderr.flush()
