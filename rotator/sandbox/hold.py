"""One request that never gets its answer, so that its sender can be stopped at exactly that point; kills nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from rotator.sandbox.routes import Answer, Request, process
from rotator.sandbox.server import Sandbox

_NEVER = Answer(drop=True, delay=timedelta(hours=24))


@dataclass(frozen=True, slots=True)
class Hold:
    """An `intercept` that holds the request with this `number`, counted from 1 as they arrive; all others pass.

    With `processed` it takes effect first, as if the answer alone was lost; without, it never takes effect. `tell` is
    called when it is held, in the thread of its connection.
    """

    sandbox: Sandbox
    number: int
    tell: Callable[[Request], None]
    processed: bool = False

    def __call__(self, request: Request) -> Answer | None:
        """See `Sandbox.intercept`."""
        if request.number != self.number:
            return None
        if self.processed:
            process(self.sandbox.cloud, self.sandbox.token, request)
        self.tell(request)
        return _NEVER
