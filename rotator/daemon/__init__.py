"""The long-running process: instance lock, signals, timer loop."""
