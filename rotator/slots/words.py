"""The vocabulary of schedules, for reading them and for suggesting them."""

from __future__ import annotations

PLAIN = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1", "monthly": "0 0 1 * *"}
"""Single words and their cron expressions."""

DAYS = {
    "day": "*",
    "monday": "1",
    "tuesday": "2",
    "wednesday": "3",
    "thursday": "4",
    "friday": "5",
    "saturday": "6",
    "sunday": "0",
    "weekday": "1-5",
}
"""What may follow `every` and be followed by `at HH:MM`, as cron's day-of-week."""

INTERVALS = sorted({*(n for n in range(1, 61) if 60 % n == 0), *(60 * n for n in range(1, 25) if 24 % n == 0)})
"""The intervals that divide an hour or a day, in minutes."""


def interval_words(minutes: int) -> str:
    """How one of INTERVALS is written."""
    single = {1: "every minute", 60: "every hour", 24 * 60: "every day"}
    return single.get(minutes) or (f"every {minutes} minutes" if minutes < 60 else f"every {minutes // 60} hours")
