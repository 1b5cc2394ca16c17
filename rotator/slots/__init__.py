"""When slots are: schedule text → cron expression → instants; knows zones and DST, but never the time it is now."""

from rotator.slots.calendar import latest_slot, next_slot, slots_between, splay_of
from rotator.slots.grammar import parse_schedule
from rotator.slots.zones import timezone_of

__all__ = ["latest_slot", "next_slot", "parse_schedule", "slots_between", "splay_of", "timezone_of"]
