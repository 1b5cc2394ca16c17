"""A server with hooks, in memory: what was run, in order with the calls of the cloud."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from rotator.engine import HookCall, Ran
from rotator.model import Command, Hooks, Policy
from rotator.naming import snapshot_name
from tests.builders import WEB, day, policy
from tests.fake_cloud import FakeCloud, Shell
from tests.ledger import FakeLedger

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
TODAY = snapshot_name("rotator", day(23))
BEFORE, AFTER = Command(("freeze", "/srv")), Command(("thaw", "/srv"))
HOOKS = Hooks(BEFORE, AFTER, timeout=30 * SECOND)


class Runner:
    """Remembers what was run, in order with the calls of the cloud, and fails as told."""

    def __init__(self, cloud: FakeCloud, *, takes: timedelta = timedelta(0)) -> None:
        self.cloud = cloud
        self.takes = takes
        self.calls: list[HookCall] = []
        self.failing: dict[str, int] = {}
        """How often a phase fails yet."""
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, call: HookCall) -> Ran:
        self.calls.append(call)
        self.cloud.calls.append((call.phase, call.outcome))
        self.cloud.advance(self.takes)
        self.meanwhile()
        if self.failing.get(call.phase, 0):
            self.failing[call.phase] -= 1
            return Ran("exited with status 1", "no such file system", SECOND)
        return Ran("", "frozen", SECOND)

    def story(self) -> list[tuple[str, str]]:
        """Each phase with the outcome it was told."""
        return [(call.phase, call.outcome) for call in self.calls]


def quiet_policy(server_id: int = WEB, hooks: Hooks = HOOKS) -> Policy:
    return policy(server_id, hooks=hooks)


class Bench:
    def __init__(self, hooks: Hooks = HOOKS, *, daemon: bool = True, takes: timedelta = timedelta(0)) -> None:
        self.rules = [quiet_policy(hooks=hooks)]
        self.cloud = FakeCloud(self.rules)
        self.cloud.plant(WEB, snapshot_name("rotator", day(22)), day(22))
        self.runner = Runner(self.cloud, takes=takes)
        self.ledger = FakeLedger()
        self.daemon = daemon
        self.shell = self.start()

    def start(self) -> Shell:
        """A new process."""
        self.shell = Shell(self.cloud, self.rules, daemon=self.daemon, ledger=self.ledger, run_hook=self.runner)
        return self.shell

    def order(self) -> list[str]:
        """Hooks and changing calls, as they came."""
        return [call for call, _ in self.cloud.calls if call in ("before", "create", "after", "delete")]
