"""How every server stands: one word, what is wrong, restore points and their ages; what all displays share."""

from rotator.standing.board import Board, Deed
from rotator.standing.document import iso, status_json, verdict_json
from rotator.standing.judge import (
    Condition,
    Trouble,
    conditions,
    is_stale,
    judged,
    last_slot,
    restore_points,
    state,
)

__all__ = [
    "Board",
    "Condition",
    "Deed",
    "Trouble",
    "conditions",
    "is_stale",
    "iso",
    "judged",
    "last_slot",
    "restore_points",
    "state",
    "status_json",
    "verdict_json",
]
