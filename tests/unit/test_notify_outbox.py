"""The worker that sends: in order, again when it may help, and never longer than it is given."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from rotator.notify.alerts import News
from rotator.notify.channels import Ping
from rotator.notify.outbox import MOST, Job, Outbox
from rotator.notify.post import Answer
from rotator.notify.words import Message
from tests.e2e.program import until

OK = Answer()
BUSY = Answer("answered 503", passing=True)
GONE = Answer("answered 404: nothing is there; is the address right?")


def message(number: int = 1) -> Message:
    return Message(f"m{number}", News.RAISED, "title", "text", b"{}")


@dataclass(eq=False)
class Fake:
    """Answers as told, one by one, then well; keeps what it got. `hold` makes it wait."""

    answers: list[Answer] = field(default_factory=list)
    got: list[Ping | Message] = field(default_factory=list)
    hold: threading.Event | None = None
    kind: str = "webhook"
    host: str = "hooks.example.org"

    def send(self, content: Ping | Message) -> Answer:
        self.got.append(content)
        if self.hold:
            self.hold.wait(10)
        return self.answers.pop(0) if self.answers else OK


class Results:
    def __init__(self) -> None:
        self.all: list[tuple[str, bool]] = []

    def __call__(self, job: Job, sent: bool) -> None:
        content = job.content
        self.all.append((content.id if isinstance(content, Message) else content.verb, sent))


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def quick(results: Results) -> Iterator[Outbox]:
    outbox = Outbox(results, waits=(0.01, 0.02, 0.03))
    yield outbox
    assert outbox.close(5)


def test_contents_are_sent_in_order(quick: Outbox, results: Results) -> None:
    outlet = Fake()
    for number in range(5):
        quick.put(outlet, message(number))
    until("all sent", lambda: len(results.all) == 5)
    assert results.all == [(f"m{number}", True) for number in range(5)]


def test_what_may_pass_is_tried_again(quick: Outbox, results: Results) -> None:
    outlet = Fake([BUSY, BUSY])
    with capture_logs() as lines:
        quick.put(outlet, message())
        until("sent", lambda: results.all)
    assert results.all == [("m1", True)]
    assert [(line["event"], line["attempt"], line.get("wait_s")) for line in lines] == [
        ("notification_failed", 1, 0.01),
        ("notification_failed", 2, 0.02),
        ("notification_sent", 3, None),
    ]
    assert {line["log_level"] for line in lines} == {"warning", "info"}


def test_after_the_last_wait_it_is_given_up(quick: Outbox, results: Results) -> None:
    outlet = Fake([BUSY] * 9)
    quick.put(outlet, message())
    until("given up", lambda: results.all)
    assert results.all == [("m1", False)]
    assert len(outlet.got) == 4


def test_what_will_not_pass_is_not_tried_again(quick: Outbox, results: Results) -> None:
    outlet = Fake([GONE])
    quick.put(outlet, message())
    until("given up", lambda: results.all)
    assert len(outlet.got) == 1


def test_a_new_check_in_replaces_one_that_waits_for_another_try(results: Results) -> None:
    outbox = Outbox(results, waits=(60.0,))
    outlet = Fake([BUSY])
    outbox.put(outlet, Ping("", "run-1"))
    until("tried", lambda: outlet.got)
    until("put back", lambda: outbox._jobs)
    outbox.put(outlet, Ping("fail", "run-2"))
    until("sent", lambda: ("fail", True) in results.all)
    assert sorted(results.all) == [("", False), ("fail", True)]
    assert outbox.close(5)
    assert [each.verb for each in outlet.got if isinstance(each, Ping)] == ["", "fail"]


def test_the_end_sends_what_is_due_and_gives_up_what_waits_too_long(results: Results) -> None:
    outbox = Outbox(results, waits=(60.0,))
    bad, good = Fake([BUSY]), Fake()
    outbox.put(bad, message(1))
    outbox.put(good, message(2))
    begun = time.monotonic()
    assert outbox.close(5)
    assert time.monotonic() - begun < 2
    assert sorted(results.all) == [("m1", False), ("m2", True)]


def test_the_end_waits_for_a_try_that_is_soon_due(results: Results) -> None:
    outbox = Outbox(results, waits=(0.2,))
    outbox.put(Fake([BUSY]), message())
    assert outbox.close(5)
    assert results.all == [("m1", True)]


def test_the_end_does_not_wait_for_a_receiver_that_hangs(results: Results) -> None:
    hold = threading.Event()
    outbox = Outbox(results)
    outbox.put(Fake(hold=hold), message())
    begun = time.monotonic()
    assert not outbox.close(0.2)
    assert time.monotonic() - begun < 2
    hold.set()
    assert outbox._thread
    outbox._thread.join(5)
    assert not outbox._thread.is_alive()


def test_the_end_is_hurried_as_soon_as_somebody_waits_for_it(results: Results) -> None:
    hold, stopping = threading.Event(), threading.Event()
    outlet = Fake(hold=hold)
    outbox = Outbox(results)
    outbox.put(outlet, message())
    until("it is being sent", lambda: outlet.got)
    threading.Timer(0.3, stopping.set).start()
    begun = time.monotonic()
    assert not outbox.close(30, stopping, hurried=0.2)
    assert 0.3 <= time.monotonic() - begun < 5
    hold.set()
    assert outbox._thread
    outbox._thread.join(5)


def test_an_end_that_is_hurried_is_no_longer_than_it_would_be(results: Results) -> None:
    hold, stopping = threading.Event(), threading.Event()
    outbox = Outbox(results)
    outbox.put(Fake(hold=hold), message())
    stopping.set()
    begun = time.monotonic()
    assert not outbox.close(0.2, stopping, hurried=30)
    assert time.monotonic() - begun < 5
    hold.set()
    assert outbox._thread
    outbox._thread.join(5)


def test_more_than_a_bounded_number_is_given_up(results: Results) -> None:
    hold = threading.Event()
    outlet = Fake(hold=hold)
    outbox = Outbox(results)
    for number in range(MOST + 10):
        outbox.put(outlet, message(number))
    assert 9 <= len(results.all) <= 10
    assert not any(sent for _, sent in results.all)
    hold.set()
    assert outbox.close(10)
    assert sum(sent for _, sent in results.all) >= MOST


def test_without_a_job_there_is_no_thread(results: Results) -> None:
    outbox = Outbox(results)
    assert outbox._thread is None
    assert outbox.close(1)


def test_a_fault_in_one_outlet_silences_no_other(quick: Outbox, results: Results) -> None:
    class Broken(Fake):
        def send(self, content: Ping | Message) -> Answer:
            raise ZeroDivisionError("secret-of-a-library")

    with capture_logs() as lines:
        quick.put(Broken(), message(1))
        quick.put(Fake(), message(2))
        until("both are over", lambda: len(results.all) == 2)
    assert results.all == [("m1", False), ("m2", True)]
    assert "internal_error" in [line["event"] for line in lines]


def test_a_system_without_threads_to_spare_is_told_and_fails_nothing(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    outbox = Outbox(results)
    with monkeypatch.context() as patched, capture_logs() as lines:
        patched.setattr(threading.Thread, "start", refuse)
        outbox.put(Fake(), message(1))
    assert results.all == [("m1", False)]
    assert lines[0]["reason"] == "no thread to send it with: can't start new thread"
    outbox.put(Fake(), message(2))
    assert outbox.close(5)
    assert results.all[-1] == ("m2", True)
