"""How every server stands: one word, what is wrong, restore points and their ages; what all displays share."""

from rotator.standing.board import Board, Deed
from rotator.standing.document import iso, status_json, verdict_json
from rotator.standing.judge import (
    Condition,
    Trouble,
    conditions,
    dated_points,
    judged,
    last_slot,
    restore_points,
    stale_after,
    state,
    why_stale,
)
from rotator.standing.letters import letter, oldest_first
from rotator.standing.remedies import remedy
from rotator.standing.watcher import Watcher

__all__ = [
    "Board",
    "Condition",
    "Deed",
    "Trouble",
    "Watcher",
    "conditions",
    "dated_points",
    "iso",
    "judged",
    "last_slot",
    "letter",
    "oldest_first",
    "remedy",
    "restore_points",
    "stale_after",
    "state",
    "status_json",
    "verdict_json",
    "why_stale",
]
