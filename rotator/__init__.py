"""rotator keeps a few recent restore points for every server of a VPS.org account."""

__version__ = "0.2.0"
