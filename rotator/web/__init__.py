"""The read-only status page, metrics and health, served over HTTP."""
