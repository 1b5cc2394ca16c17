"""Gives the engine its way to run a policy's commands."""

from __future__ import annotations

import os
import threading

from rotator.engine import HookCall, Ran, RunHook


def hook_runner(stopping: threading.Event) -> RunHook:
    """Runs commands; a `before` command ends soon after `stopping` is set, an `after` command has its time."""

    def run(call: HookCall) -> Ran:
        from rotator.hooks import hook_variables, run_hook

        return run_hook(
            call.command,
            timeout=call.timeout,
            variables=hook_variables(call),
            environ=os.environ,
            stopping=stopping if call.phase == "before" else None,
        )

    return run
