"""Runs the commands that a policy puts around its snapshots."""
