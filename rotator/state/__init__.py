"""What rotator remembers beyond a process, in SQLite: history, unfinished business, alerts."""
