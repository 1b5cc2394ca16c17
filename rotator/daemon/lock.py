"""One instance per configuration: a kernel lock on a file, which no crash and no reboot can leave behind."""

from __future__ import annotations

import fcntl
import os
import pwd
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rotator.config.files import stem
from rotator.errors import LockError, LockPlaceError

_OURS = re.compile(rb"[0-9]*\n?([0-9:-]*\n?)?")
"""What a lock file may hold: a process id, and the device and inode of a state."""


_PATIENCE = 0.5
"""Seconds to try: `rotator health` holds the lock for a moment to see whether somebody else does."""

_GLANCE = 0.02


class InstanceLock:
    """Holds the lock file while entered; LockError if another process does, LockPlaceError if there can be none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._marked = -1

    def __enter__(self) -> Self:
        while True:
            self._fd = self._opened()
            try:
                self._lock()
            except BaseException:
                os.close(self._fd)
                raise
            if self._is_in_place():
                return self
            os.close(self._fd)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
        self._unmark()

    def mark(self, config: Path) -> None:
        """Leave a shared lock on the configuration itself, which every user finds in the same place.

        A restore by another user, whose lock file is elsewhere, sees by it that somebody rotates. It keeps nobody out:
        whoever may read the file could take such a lock.
        """
        with suppress(OSError):
            if self._marked >= 0 and os.path.samestat(os.fstat(self._marked), config.stat()):
                return
        self._unmark()
        try:
            self._marked = os.open(config, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            fcntl.flock(self._marked, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # somebody looks just now whether it is marked, or the file is away for a moment
            self._unmark()

    def _unmark(self) -> None:
        if self._marked >= 0:
            os.close(self._marked)
        self._marked = -1

    def beat(self) -> None:
        """Show that whoever holds the lock is alive: `rotator health` looks at the time of the file."""
        with suppress(OSError):
            os.utime(self._fd)

    def note_state(self, identity: str | None) -> None:
        """Leave, beside the process id, which state is in use: `rotator restore` has to share it."""
        text = f"{os.getpid()}\n{identity or '-'}\n".encode()
        with suppress(OSError):
            os.pwrite(self._fd, text, 0)
            os.truncate(self._fd, len(text))

    def _opened(self) -> int:
        flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            fd = os.open(self._path, flags | os.O_RDWR, 0o600)
        except OSError as error:
            # A read-only file system, or another user's file: a lock needs no write permission.
            with suppress(OSError):
                return os.open(self._path, (flags & ~os.O_CREAT) | os.O_RDONLY)
            raise self._no_place(error) from None
        with suppress(OSError):
            self._hand_over(fd)
        return fd

    def _hand_over(self, fd: int) -> None:
        """What root makes in another user's directory belongs to that user: systemd's service has to touch it."""
        file, directory = os.fstat(fd), self._path.parent.stat()
        if file.st_uid == 0 != directory.st_uid and file.st_size == 0 and file.st_nlink == 1:
            os.fchown(fd, directory.st_uid, directory.st_gid)

    def _lock(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        try:
            while not self._took():
                if time.monotonic() > deadline:
                    raise self._busy()
                time.sleep(_GLANCE)
        except OSError as error:
            raise self._no_place(error) from None
        self._sign()

    def _took(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _busy(self) -> LockError:
        return LockError(
            f"another rotator{self._holder()} runs with this configuration (it holds {self._path}): stop it first, "
            "for example with `systemctl stop rotator`, or wait until it is done"
        )

    def _is_in_place(self) -> bool:
        """Whether the locked file is still the one of that name: systemd removes a service's runtime directory."""
        try:
            there, ours = self._path.stat(), os.fstat(self._fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _no_place(self, error: OSError) -> LockPlaceError:
        return LockPlaceError(f"lock file {self._path}: {error.strerror}; name a writable place with --lock-file")

    def _sign(self) -> None:
        """Leave the process id for people; the lock does not depend on it. Any other content is not ours to replace."""
        with suppress(OSError):
            if not _OURS.fullmatch(os.pread(self._fd, 100, 0)):
                raise LockPlaceError(f"lock file {self._path} is another file with content; name another --lock-file")
            os.truncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> str:
        with suppress(OSError):
            text = os.pread(self._fd, 100, 0).decode("ascii", "replace").split("\n")[0]
            return f" (process {text})" if text.isdecimal() else ""
        return ""


def default_lock_file(config: Path, environ: Mapping[str, str], uid: int) -> Path:
    """The lock file of a configuration, named after it, in the first runtime or state directory there is.

    Under systemd and for root this is `/run/rotator`, so that the service, cron and a shell of root meet. For others it
    does not depend on variables that a login shell has and cron has not.
    """
    return _directory(environ, uid) / f"{stem(config)}.lock"


def _directory(environ: Mapping[str, str], uid: int) -> Path:
    given = (environ.get(variable, "").split(":")[0] for variable in ("RUNTIME_DIRECTORY", "STATE_DIRECTORY"))
    for text in given:
        if text.startswith("/"):
            return Path(text)
    return Path("/run/rotator") if uid == 0 else _home(uid) / ".local/state/rotator"


def _home(uid: int) -> Path:
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        raise LockPlaceError(f"user {uid} has no home directory to lock in; name a place with --lock-file") from None
