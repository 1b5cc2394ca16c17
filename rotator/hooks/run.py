"""Runs one command to its end, within its time, whatever it does; knows nothing of snapshots.

The command gets a session of its own, so that whatever it started can be ended with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.engine import Ran
from rotator.hooks.start import start
from rotator.hooks.tail import Tail
from rotator.hooks.variables import environment

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from rotator.model import Command

STOP_GRACE = 1.0
"""Seconds that a command may still take once rotator is asked to stop."""
KILL_AFTER = 5.0
"""Seconds between SIGTERM and SIGKILL."""
KILL_AFTER_STOP = 1.0
"""Likewise once rotator is asked to stop: `after` must not run while this one goes on, and has to run yet."""
_DRAIN = 0.5
"""Seconds to read on after the end of a command: a process that it left behind may hold the pipe for ever."""
_DEATH = 2.0
"""Seconds for a killed process to go; one that waits for a dead disk does not go at all."""
_GLANCE = 0.05
"""Seconds between two looks at the process."""
_CHUNK = 1 << 16


def run_hook(
    command: Command,
    *,
    timeout: timedelta,
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    stopping: threading.Event | None = None,
) -> Ran:
    """Run `command` and wait for it; never raises for what the command is or does. Safe in any thread.

    After `timeout`, or one second after `stopping` is set, the command and what it started get SIGTERM and five seconds
    later SIGKILL, so that this returns some seconds after `timeout` at the latest. A command that ends by itself may
    leave processes behind; what they write after that is lost. Without `stopping`, only `timeout` counts.
    """
    began = time.monotonic()
    process = start(command, environment(environ, variables))
    if isinstance(process, str):
        return Ran(process, duration=_since(began))
    watch = _Watch(process)
    try:
        cut = watch.until_end(began + timeout.total_seconds(), stopping)
    finally:
        watch.finish()
    return Ran(_words(process.returncode, cut, timeout), watch.tail.text(), _since(began))


class _Watch:
    """Reads what a running command writes until it ends or has to be ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.tail = Tail()
        self._process = process
        self._pipe = process.stdout
        if self._pipe:
            os.set_blocking(self._pipe.fileno(), False)

    def until_end(self, deadline: float, stopping: threading.Event | None) -> str:
        """Waits for the command; `timeout` or `stopping` if it had to be ended, nothing if it ended by itself."""
        grace = None
        while not self._has_ended():
            now = time.monotonic()
            if grace is None and stopping is not None and stopping.is_set():
                grace = now + STOP_GRACE
            if now >= deadline or (grace is not None and now >= grace):
                timed_out = now >= deadline
                self._end(KILL_AFTER if timed_out else KILL_AFTER_STOP)
                return "timeout" if timed_out else "stopping"
            self._read(_GLANCE)
        self._read_on(time.monotonic() + _DRAIN)
        return ""

    def finish(self) -> None:
        """Leaves neither process nor descriptor behind, also when the wait was broken off."""
        if not self._has_ended():
            self._kill(signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_DEATH)
        if self._pipe:
            self._pipe.close()

    def _end(self, kill_after: float) -> None:
        """Ends the command and everything in its group, which may have other ideas."""
        self._kill(signal.SIGTERM)
        patience = time.monotonic() + kill_after
        while time.monotonic() < patience and not (self._has_ended() and self._pipe is None):
            self._read(_GLANCE)
        self._kill(signal.SIGKILL)
        self._read_on(time.monotonic() + _DRAIN)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_DEATH)
        _reap_orphans(self._process.pid)

    def _has_ended(self) -> bool:
        """Whether the command itself has ended; it is not reaped, so that its id stays the id of its group."""
        if self._process.returncode is not None:
            return True
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # somebody else reaped it
            return True

    def _kill(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _read_on(self, until: float) -> None:
        while self._pipe and (left := until - time.monotonic()) > 0:
            self._read(min(left, _GLANCE))

    def _read(self, seconds: float) -> None:
        """Takes what was written, waiting for it a little."""
        if self._pipe is None:
            time.sleep(seconds)
            return
        if not _is_readable(self._pipe.fileno(), seconds):
            return
        with suppress(BlockingIOError):
            chunk = os.read(self._pipe.fileno(), _CHUNK)
            self.tail.add(chunk)
            if not chunk:
                self._pipe.close()
                self._pipe = None


def _is_readable(descriptor: int, seconds: float) -> bool:
    # Not select: it cannot take descriptors from 1024 on.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _reap_orphans(group: int) -> None:
    """Takes in what is left of the group if this process is their new parent, as process 1 of a container is."""
    with suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass


def _since(began: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - began)


def _words(code: int | None, cut: str, timeout: timedelta) -> str:
    """Why the command failed; nothing if it did not."""
    if code is None:
        return "it could not be ended, not even by SIGKILL, and is left to itself"
    match cut:
        case "timeout":
            return f"it took longer than {timeout.total_seconds():g} s and was ended"
        case "stopping":
            return "it was ended because rotator stops"
    if code < 0:
        return f"it was ended by {_signal_name(-code)}"
    return f"it exited with status {code}" if code else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
