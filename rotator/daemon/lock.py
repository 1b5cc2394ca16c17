"""One instance per configuration: a kernel lock on a file, which no crash and no reboot can leave behind."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rotator.errors import LockError, LockPlaceError


class InstanceLock:
    """Holds the lock file while entered; LockError if another process does, LockPlaceError if there can be none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = self._opened()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._holder()
            os.close(self._fd)
            raise LockError(
                f"another rotator{holder} runs with this configuration (it holds {self._path}): stop it first, "
                "for example with `systemctl stop rotator`, or wait until it is done"
            ) from None
        except OSError as error:
            os.close(self._fd)
            raise self._no_place(error) from None
        self._sign()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def _opened(self) -> int:
        flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            return os.open(self._path, flags | os.O_RDWR, 0o644)
        except OSError as error:
            # A read-only file system, or another user's file: a lock needs no write permission.
            with suppress(OSError):
                return os.open(self._path, (flags & ~os.O_CREAT) | os.O_RDONLY)
            raise self._no_place(error) from None

    def _no_place(self, error: OSError) -> LockPlaceError:
        return LockPlaceError(f"lock file {self._path}: {error.strerror}; name a writable place with --lock-file")

    def _sign(self) -> None:
        """Leave the process id for people; the lock does not depend on it."""
        with suppress(OSError):
            os.truncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> str:
        with suppress(OSError):
            text = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
            return f" (process {text})" if text.isdecimal() else ""
        return ""


def default_lock_file(config: Path, environ: Mapping[str, str], uid: int) -> Path:
    """The lock file of a configuration, named after it, in the first runtime or state directory there is.

    Under systemd and for root this is `/run/rotator`, so that the service, cron and a shell of root meet.
    """
    resolved = config.resolve()
    name = f"{resolved.stem}-{hashlib.sha256(os.fsencode(resolved)).hexdigest()[:12]}.lock"
    return _directory(environ, uid) / name


def _directory(environ: Mapping[str, str], uid: int) -> Path:
    for variable in ("RUNTIME_DIRECTORY", "STATE_DIRECTORY"):
        if environ.get(variable):
            return Path(environ[variable].split(":")[0])
    if uid == 0:
        return Path("/run/rotator")
    if environ.get("XDG_RUNTIME_DIR"):
        return Path(environ["XDG_RUNTIME_DIR"]) / "rotator"
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME", "/tmp")) / ".local/state"  # noqa: S108 - last resort
    return Path(state) / "rotator"
