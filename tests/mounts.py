"""A file system of a test's own: read-only or small, in a mount namespace that ends with the program run in it."""

from __future__ import annotations

import os

from tests.components import needs_component

READ_ONLY = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"'


def mounted(mount: str) -> list[str]:
    """Runs what follows in a mount namespace of its own, after the commands of `mount`, whose $1 is the place."""
    needs_component("unshare")
    rights = "-m" if os.geteuid() == 0 else "-rm"
    return ["unshare", rights, "sh", "-ec", f'{mount}; shift; exec "$@"', "sh"]
