"""Runs the commands that a policy puts around its snapshots; knows nothing of when they run, and logs nothing."""

from rotator.hooks.run import run_hook
from rotator.hooks.start import missing_program
from rotator.hooks.variables import hook_variables

__all__ = ["hook_variables", "missing_program", "run_hook"]
