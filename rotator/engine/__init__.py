"""One pass for many servers, and when to run the next: the shell around the planner that daemon and one-shot share."""

from rotator.engine.agenda import Agenda
from rotator.engine.engine import RETRY_DELAYS, Decide, Engine
from rotator.engine.ledger import Ledger, NoLedger
from rotator.engine.observe import SnapshotApi, observe_one
from rotator.engine.quiet import HookCall, Ran, RunHook
from rotator.engine.report import Finished, Kind, Outcome, Report

__all__ = [
    "RETRY_DELAYS",
    "Agenda",
    "Decide",
    "Engine",
    "Finished",
    "HookCall",
    "Kind",
    "Ledger",
    "NoLedger",
    "Outcome",
    "Ran",
    "Report",
    "RunHook",
    "SnapshotApi",
    "observe_one",
]
