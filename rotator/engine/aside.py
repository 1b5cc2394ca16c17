"""Work that takes long, beside the passes: a server whose commands run holds up no other (S9)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Protocol

from rotator.engine.pool import isolated
from rotator.errors import RotatorError
from rotator.model import Id

PARALLEL = 32
"""Servers whose commands run at once; the others wait their turn."""

Done = bool | RotatorError | None
"""What a call gave; None for work that has no result."""


class Aside(Protocol):
    """One piece of work at a time for each server."""

    def start(self, server_id: Id, work: Callable[[], bool | None], *, urgent: bool = False) -> None:
        """Have it done; the server is busy until `ended` gave its result. What is urgent waits for nothing else."""
        ...

    def busy(self) -> frozenset[Id]:
        """The servers whose work goes on."""
        ...

    def ended(self) -> dict[Id, Done]:
        """The results of what ended since the last time this was asked."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait until nothing goes on any more, or time is up."""
        ...

    def close(self) -> None:
        """Let the threads go."""
        ...


class Threads:
    """Does it in threads of its own."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(PARALLEL, thread_name_prefix="rotator-before")
        self._urgent = ThreadPoolExecutor(PARALLEL, thread_name_prefix="rotator-after")
        self._running: dict[Id, Future[Done]] = {}

    def start(self, server_id: Id, work: Callable[[], bool | None], *, urgent: bool = False) -> None:
        """See `Aside`; likewise below."""
        executor = self._urgent if urgent else self._executor
        self._running[server_id] = executor.submit(copy_context().run, isolated, lambda _: work(), None)

    def busy(self) -> frozenset[Id]:
        """See `Aside`."""
        return frozenset(self._running)

    def ended(self) -> dict[Id, Done]:
        """See `Aside`."""
        return {server_id: self._running.pop(server_id).result() for server_id in self._done()}

    def wait(self, seconds: float) -> None:
        """See `Aside`."""
        wait(self._running.values(), timeout=max(seconds, 0.0))

    def close(self) -> None:
        """See `Aside`."""
        self._executor.shutdown(wait=False)
        self._urgent.shutdown(wait=False)

    def _done(self) -> list[Id]:
        return [server_id for server_id, future in self._running.items() if future.done()]
