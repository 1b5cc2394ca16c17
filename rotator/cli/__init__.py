"""The command line: every command is one small function; every error becomes an exit code here, once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from rotator.cli.parser import build_parser
from rotator.errors import Exit, RotatorError


def run(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code and lets no traceback of a foreseeable error through."""
    arguments = build_parser().parse_args(argv)
    try:
        code: int = import_module(f"rotator.cli.commands.{arguments.command}").run(arguments)
        sys.stdout.flush()
    except RotatorError as error:
        sys.stderr.write("".join(f"rotator: {line}\n" for line in str(error).splitlines()))
        return error.exit_code
    except BrokenPipeError:
        # The reader, `head` for example, has seen enough; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except OSError as error:
        sys.stderr.write(f"rotator: {error.filename or 'standard output'}: {error.strerror}\n")
        return Exit.PROBLEM
    except KeyboardInterrupt:
        sys.stderr.write("rotator: interrupted\n")
        return 130
    return code
