"""What a person can do about each kind of trouble."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from rotator.naming import printable
from rotator.standing.judge import Trouble

_REMEDIES: Mapping[str, str] = {
    Trouble.FAILING: "rotator keeps trying; `rotator status` shows how it stands, `rotator doctor` looks for causes.",
    Trouble.BLOCKED: "free a place: delete a snapshot that nobody needs any more, or keep fewer.",
    Trouble.STUCK: "rotator never touches such a snapshot: look at it in the panel, or ask the provider.",
    Trouble.HELD: "look, then decide: `rotator prune --server NAME` asks before it deletes.",
    Trouble.STALE: "`rotator plan --server NAME` shows what would be done now, and why; see that rotator runs.",
    Trouble.OVERDUE: "see that rotator runs and that its passes end; `rotator doctor` looks for causes.",
}


def remedy(trouble: str, server: str) -> str:
    """What to do about it, commands between backticks; `server` is one that has it. Empty for a kind of no server."""
    return _REMEDIES.get(trouble, "").replace("NAME", shlex.quote(printable(server)))
