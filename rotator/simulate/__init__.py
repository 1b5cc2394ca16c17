"""The future of a configuration: the real engine on a virtual clock against a virtual account."""

from rotator.simulate.account import VirtualClock
from rotator.simulate.figures import Figures, figures
from rotator.simulate.run import BrokenRule, simulate
from rotator.simulate.settings import Settings
from rotator.simulate.story import Fate, Life, Outage, ServerStory, SlotFate, Story, Trouble

__all__ = [
    "BrokenRule",
    "Fate",
    "Figures",
    "Life",
    "Outage",
    "ServerStory",
    "Settings",
    "SlotFate",
    "Story",
    "Trouble",
    "VirtualClock",
    "figures",
    "simulate",
]
