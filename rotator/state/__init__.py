"""What rotator remembers beyond a process, in SQLite: history, unfinished business, alerts."""

from rotator.state.alerts import AlertNote
from rotator.state.place import default_state_dir, state_name
from rotator.state.rows import Uptime
from rotator.state.state import State

__all__ = ["AlertNote", "State", "Uptime", "default_state_dir", "state_name"]
