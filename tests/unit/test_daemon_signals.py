"""Signals become facts, and any of them ends a sleep at once, also one that came just before it began."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from rotator.daemon.signals import Signals

LONG = 30.0


@pytest.fixture
def signals() -> Iterator[Signals]:
    with Signals() as signals:
        yield signals


def send(number: signal.Signals) -> None:
    """To this process; Python has seen it when this returns."""
    signal.raise_signal(number)


def slept(signals: Signals, seconds: float) -> float:
    begun = time.monotonic()
    signals.sleep(seconds)
    return time.monotonic() - begun


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop(signals: Signals, number: signal.Signals) -> None:
    assert not signals.stopping.is_set()
    send(number)
    assert signals.stopping.is_set()
    assert not signals.take_reload()


def test_reload_is_asked_for_once(signals: Signals) -> None:
    assert not signals.take_reload()
    send(signal.SIGHUP)
    send(signal.SIGHUP)
    assert signals.take_reload()
    assert not signals.take_reload()
    assert not signals.stopping.is_set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_sleep_ends_at_a_signal(signals: Signals, number: signal.Signals) -> None:
    sender = threading.Timer(0.2, os.kill, (os.getpid(), number))
    sender.start()
    assert 0.1 < slept(signals, LONG) < LONG / 2
    sender.join()
    assert signals.stopping.is_set() or signals.take_reload()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_sleep_ends_at_once_when_the_signal_came_just_before(signals: Signals, number: signal.Signals) -> None:
    send(number)
    assert slept(signals, LONG) < LONG / 2


def test_signal_between_the_question_and_the_wait_is_not_lost(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instant that a wait on a lock would miss: nothing was asked for yet, and the wait has not begun."""

    class Late(threading.Event):
        def is_set(self) -> bool:
            answer = super().is_set()
            if not answer:
                send(signal.SIGTERM)
            return answer

    monkeypatch.setattr(signals, "stopping", Late())
    assert slept(signals, LONG) < LONG / 2


def test_signal_that_was_dealt_with_does_not_end_the_next_sleep(signals: Signals) -> None:
    send(signal.SIGHUP)
    signals.sleep(LONG)
    assert signals.take_reload()
    signals.sleep(LONG)  # empties what the signal left, at once
    assert slept(signals, 0.1) >= 0.09


def test_no_time_is_no_sleep(signals: Signals) -> None:
    assert slept(signals, -5) < LONG / 2


def test_more_signals_than_fit_are_no_fault(signals: Signals) -> None:
    for _ in range(100_000):
        signal.raise_signal(signal.SIGHUP)
    assert slept(signals, LONG) < LONG / 2
    assert signals.take_reload()


def test_a_second_wish_to_stop_is_the_same_one(signals: Signals) -> None:
    for _ in range(2):
        send(signal.SIGTERM)
    assert signals.stopping.is_set()


def test_handlers_are_restored() -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    with Signals():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.set_wakeup_fd(wakeup) == wakeup
