"""Builders of values, one fixed NOW, and what every test may use."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
