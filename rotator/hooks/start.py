"""Starts one command, or says in words why that is not possible."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from rotator.naming import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.model import Command

SHELL = "/bin/sh"

_REASONS = {
    errno.EACCES: "this user may not execute it; chmod +x it, or check the folders above it and noexec mounts",
    errno.ENOEXEC: "it is neither a program nor a script whose first line names its interpreter (#!/bin/sh)",
    errno.E2BIG: "its arguments and environment are too long",
    errno.EAGAIN: "this user may not start more processes now",
    errno.ENOMEM: "there is no memory left for it",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.EISDIR: "it is a folder",
}


def start(command: Command, environ: Mapping[str, str]) -> subprocess.Popen[bytes] | str:
    """The running command, in a session of its own, its output in one pipe; words if it cannot be started."""
    argv = (SHELL, "-c", *command.argv) if command.shell else command.argv
    try:
        return subprocess.Popen(  # noqa: S603 - running what the operator wrote is the purpose
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        return f"{printable(argv[0])} cannot be started: {_reason(error, argv[0], environ)}"
    except ValueError:
        return f"{printable(argv[0])} cannot be started: an argument or variable holds a character that none can hold"


def missing_program(command: Command, environ: Mapping[str, str]) -> str | None:
    """Why the program of `command` would not be found here, None if it would; what a shell looks for is not known."""
    if command.shell or shutil.which(command.argv[0], path=environ.get("PATH")):
        return None
    program = command.argv[0]
    if os.path.exists(program):  # noqa: PTH110 - never raises
        return f"{printable(program)}: {_REASONS[errno.EACCES]}"
    if "/" in program:
        return f"{printable(program)}: {_absence(program, environ)}"
    return f"{printable(program)}: there is no such program in PATH; write its path"


def _reason(error: OSError, program: str, environ: Mapping[str, str]) -> str:
    if error.errno == errno.ENOENT:
        return _absence(program, environ)
    return _REASONS.get(error.errno or 0) or f"{error.strerror}"


def _absence(program: str, environ: Mapping[str, str]) -> str:
    if shutil.which(program, path=environ.get("PATH")):
        return "the interpreter that its first line names is not there"
    if "/" in program:
        return "there is no such file; write its whole path"
    return f"there is no such program in PATH ({printable(environ.get('PATH', 'which is not set'))}); write its path"
