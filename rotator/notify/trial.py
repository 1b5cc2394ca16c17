"""One of each notification through every outlet, one after the other, for a person who waits for the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from rotator.notify.channels import Outlet, Ping
from rotator.notify.outlets import Outlets
from rotator.notify.post import Answer
from rotator.notify.words import Message, trial

_PINGS = (
    ("start", "start", "rotator notify-test: this is a test"),
    ("fail", "fail", "rotator notify-test: this is a test; nothing is wrong"),
    ("success", "", "rotator notify-test: this is a test"),
)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one notification, and how many seconds it took."""

    outlet: Outlet
    what: str
    answer: Answer
    seconds: float


def try_all(
    outlets: Outlets,
    now: datetime,
    monotonic: Callable[[], float],
    new_id: Callable[[], str],
    host: str,
) -> Iterator[Tried]:
    """Send them; check-ins end with a success, so that what they alarm about is over at once."""
    for outlet, _ in outlets.check_ins:
        run = new_id()
        for what, verb, text in _PINGS:
            yield _tried(outlet, what, Ping(verb, run, text), monotonic)
    for outlet in outlets.messengers:
        yield _tried(outlet, "test", trial(now, message_id=new_id(), host=host), monotonic)


def _tried(outlet: Outlet, what: str, content: Ping | Message, monotonic: Callable[[], float]) -> Tried:
    begun = monotonic()
    answer = outlet.send(content)
    return Tried(outlet, what, answer, monotonic() - begun)
