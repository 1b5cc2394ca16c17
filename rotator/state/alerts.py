"""What was told of a lasting trouble: the value that the state keeps for `notify`, and nothing about how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AlertNote:
    """A trouble that was told: of whom, which, in what words, since when, and when it was told last (both UTC)."""

    subject: str
    trouble: str
    text: str
    since: datetime
    told_at: datetime
