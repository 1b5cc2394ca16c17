"""Tells people of changes: check-ins, webhooks, and every service that Apprise knows."""

from rotator.notify.memory import AlertMemory, ProcessMemory
from rotator.notify.notifier import Notifier
from rotator.notify.outlets import Outlets, open_outlets
from rotator.notify.trial import Tried, try_all

__all__ = ["AlertMemory", "Notifier", "Outlets", "ProcessMemory", "Tried", "open_outlets", "try_all"]
