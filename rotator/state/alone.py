"""What only one process may do at a time in a state's directory: open or begin a file, or move a damaged one aside."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from rotator.state.place import SIDE_FILES

KEPT = 3
"""Damaged files that are kept; older ones are removed."""

_PATIENCE = 1.0


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Keep other rotators out meanwhile, or go on after a second: they take milliseconds, anything else is no rotator.

    A user who may only look into the directory could otherwise keep the state from being used.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _locked(fd) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
    finally:
        os.close(fd)


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def move_aside(path: Path, identity: tuple[int, int], now: datetime) -> Path | None:
    """Rename the file of that device and inode, and its side files; returns the new name. OSError if it cannot be done.

    None if another process did so already: two may find the damage at once, and the second one must not move away what
    the first one has begun anew.
    """
    aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%S%fZ}")
    with alone(path.parent):
        if not _is_still(path, identity):
            return None
        path.rename(aside)
        for end in SIDE_FILES:
            with suppress(FileNotFoundError):
                Path(f"{path}{end}").rename(f"{aside}{end}")
        _remove_oldest(path)
    return aside


def _is_still(path: Path, identity: tuple[int, int]) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == identity


def _remove_oldest(path: Path) -> None:
    begin = f"{path.name}.corrupt-"
    found = sorted(each for each in path.parent.iterdir() if each.name.startswith(begin) and each.name.endswith("Z"))
    for old in found[:-KEPT]:
        for each in (old, *(Path(f"{old}{end}") for end in SIDE_FILES)):
            each.unlink(missing_ok=True)
