"""One pass for many servers, and when to run the next: the shell around the planner that daemon and one-shot share."""

from rotator.engine.agenda import Agenda
from rotator.engine.engine import Engine
from rotator.engine.observe import SnapshotApi
from rotator.engine.report import Kind, Outcome, Report

__all__ = ["Agenda", "Engine", "Kind", "Outcome", "Report", "SnapshotApi"]
