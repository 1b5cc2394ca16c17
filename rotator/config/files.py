"""Finds and reads small files; never hangs on a pipe or device, never reads more than it was told to."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from rotator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_CONFIG = Path("/etc/rotator/config.yaml")

CREDENTIAL = "$CREDENTIALS_DIRECTORY/"
"""What the path of a file begins with that systemd's LoadCredential= gives."""

_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "this user may not read it",
    errno.EPERM: "this user may not read it",
    errno.ELOOP: "its symbolic links go round in a circle",
    errno.ENAMETOOLONG: "the name is too long",
}


class UnusableFileError(Exception):
    """A file that cannot be used; the text is a reason in words, without the path."""


def find_config(option: str | None, environ: Mapping[str, str], cwd: Path = Path()) -> Path:
    """The file to load: a path that was named is taken as it is, a usual place only if there is a file."""
    named = option or environ.get("ROTATOR_CONFIG")
    if named:
        return Path(named).expanduser() if _has_home(named) else Path(named)
    for usual in (cwd / "config.yaml", SYSTEM_CONFIG):
        if _exists(usual):
            return usual
    places = f"--config, ROTATOR_CONFIG, ./config.yaml and {SYSTEM_CONFIG}"
    remedy = "copy config.example.yaml to one of the two places and edit it, or name your file with --config"
    raise ConfigError((f"no configuration: looked at {places}; {remedy}",))


def stem(config: Path) -> str:
    """What the names of a configuration's own files begin with, so that two configurations do not meet in one."""
    resolved = config.resolve()
    return f"{resolved.stem}-{hashlib.sha256(os.fsencode(resolved)).hexdigest()[:12]}"


def absolute(text: str, folder: Path) -> Path:
    """The path `text` stands for: `~` is the user's home, and a relative one is relative to `folder`."""
    try:
        return folder / (Path(text).expanduser() if _has_home(text) else Path(text))
    except RuntimeError:
        return folder / text  # this user has no home, which reading the file will tell


def located(text: str, folder: Path) -> Path:
    """As `absolute`, but `$CREDENTIALS_DIRECTORY/NAME` stays: only whoever reads it has that folder."""
    return Path(text) if text.startswith(CREDENTIAL) else absolute(text, folder)


def credential(path: Path, environ: Mapping[str, str]) -> Path:
    """The file that a `located` path stands for; UnusableFileError if it is a credential and there are none."""
    if not str(path).startswith(CREDENTIAL):
        return path
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        name = str(path).removeprefix(CREDENTIAL)
        raise UnusableFileError(f"systemd gave no credentials; add LoadCredential={name}:PATH to the unit")
    return Path(folder, str(path).removeprefix(CREDENTIAL))


def read_regular(path: Path, limit: int) -> tuple[bytes, int]:
    """Content and permission bits of a regular file of at most `limit` bytes; any other is an UnusableFileError."""
    try:
        _refuse_special(path.stat().st_mode)
        # Non-blocking, because the file may have become a pipe since it was looked at.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            _refuse_special(mode)
            content = file.read(limit + 1)
    except OSError as error:
        raise UnusableFileError(_reason(error)) from None
    except ValueError:
        raise UnusableFileError("its name holds a character that no file name can hold") from None
    if len(content) > limit:
        raise UnusableFileError(f"it is larger than {_size(limit)}")
    return content, stat.S_IMODE(mode)


def _refuse_special(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise UnusableFileError("it is a directory, not a file")
    if not stat.S_ISREG(mode):
        raise UnusableFileError("it is a pipe, socket or device, not a regular file")


def _reason(error: OSError) -> str:
    return _REASONS.get(error.errno or 0) or f"it cannot be read: {error.strerror}"


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # It is there and may not be looked at: reading it says why.
        return True


def _has_home(text: str) -> bool:
    # Only one's own home: `~other` needs the user database, and raises when that has no such user.
    return text == "~" or text.startswith("~/")
