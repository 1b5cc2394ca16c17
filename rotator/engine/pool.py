"""Calls for many servers in parallel: bounded, stoppable, and ended at once by trouble of the whole account."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import timedelta
from typing import Protocol, TypeVar

from rotator.errors import CredentialsError, RotatorError, UnavailableError, UnreachableError
from rotator.logs import Event, logger

Item = TypeVar("Item")
Result = TypeVar("Result")

STOP_GRACE = 4.0
"""Seconds that calls in flight get to finish once rotator is told to stop; what they were about is found again."""

PATIENCE = timedelta(hours=1)
"""A pass in which nothing ends for so long hangs: the longest call is much shorter, with all its retries and hooks."""

_UNAVAILABLE_IN_A_ROW = 8

_FINAL = (CredentialsError, UnreachableError)


class Circuit:
    """Opens on trouble of the whole account: a refused token or an unreachable API at once, "not now" when it lasts."""

    def __init__(self) -> None:
        self.error: RotatorError | None = None
        self._unavailable = 0
        self._lock = threading.Lock()

    def explains(self, result: object) -> bool:
        """Whether a call failed for the reason that opened the circuit: many workers may meet it at once."""
        return result is not None and (result is self.error or (isinstance(result, _FINAL) and self.error is not None))

    def note(self, error: RotatorError | None) -> None:
        """A call was answered, or failed: decides whether the next ones can do any better."""
        with self._lock:
            self._unavailable = self._unavailable + 1 if isinstance(error, UnavailableError) else 0
            if self.error is None and (isinstance(error, _FINAL) or self._unavailable >= _UNAVAILABLE_IN_A_ROW):
                self.error = error


class Workers(Protocol):
    """Make the calls of a pass."""

    def each(
        self, call: Callable[[Item], Result], items: Sequence[Item], circuit: Circuit
    ) -> list[Result | RotatorError | None]:
        """The result or the error per item, in order; None where the call was not made or not waited for."""
        ...

    def since_stop(self) -> float:
        """Seconds since it was noticed that rotator is to stop."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class InTurn:
    """One call after the other in the thread that asks: for a virtual clock, on which nothing goes on beside them."""

    def each(
        self, call: Callable[[Item], Result], items: Sequence[Item], circuit: Circuit
    ) -> list[Result | RotatorError | None]:
        """See `Workers`; likewise below."""
        return [noted(call, item, circuit) if circuit.error is None else None for item in items]

    def since_stop(self) -> float:
        """See `Workers`: nobody stops it."""
        return 0.0

    def close(self) -> None:
        """See `Workers`."""


class Pool:
    """Worker threads that live as long as the engine, so that their connections are reused."""

    def __init__(self, parallel: int, stopping: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """`beat` is called from the waiting thread several times a second, while calls come to their ends."""
        self._beat = beat
        self._executor = ThreadPoolExecutor(parallel, thread_name_prefix="rotator")
        self._stopping = stopping
        self._stop_seen: float | None = None

    def since_stop(self) -> float:
        """See `Workers`; likewise below."""
        if self._stop_seen is None:
            self._stop_seen = time.monotonic()
        return time.monotonic() - self._stop_seen

    def each(
        self, call: Callable[[Item], Result], items: Sequence[Item], circuit: Circuit
    ) -> list[Result | RotatorError | None]:
        """See `Workers`."""
        futures = [self._executor.submit(copy_context().run, self._guarded, call, item, circuit) for item in items]
        pending: set[Future[Result | RotatorError | None]] = set(futures)
        moved = time.monotonic()
        while pending and not (self._stopping.is_set() and self.since_stop() > STOP_GRACE):
            done, pending = wait(pending, timeout=0.2)
            moved = time.monotonic() if done else moved
            if time.monotonic() - moved < PATIENCE.total_seconds():
                self._beat()
        return [future.result() if future.done() else None for future in futures]

    def close(self) -> None:
        """Let the workers go, without waiting for one that is still busy with a call."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _guarded(self, call: Callable[[Item], Result], item: Item, circuit: Circuit) -> Result | RotatorError | None:
        if self._stopping.is_set() or circuit.error is not None:
            return None
        return noted(call, item, circuit)


def noted(call: Callable[[Item], Result], item: Item, circuit: Circuit) -> Result | RotatorError:
    """The result or the error of one server's part; the circuit learns of it."""
    result = isolated(call, item)
    circuit.note(result if isinstance(result, RotatorError) else None)
    return result


def isolated(call: Callable[[Item], Result], item: Item) -> Result | RotatorError:
    """The result or the error of one server's part: whatever goes wrong in it stops no other server (S9)."""
    try:
        return call(item)
    except RotatorError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a fault of rotator itself must not stop the other servers either
        logger().error(Event.INTERNAL_ERROR, reason=str(error), exc_info=True)
        return RotatorError(f"a fault of rotator itself: {type(error).__name__}: {error}; please report it")
