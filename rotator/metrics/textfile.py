"""The file that node_exporter's textfile collector reads: written in one step, and read back by the next run."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

MODE = 0o644
"""node_exporter runs as another user."""


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` where readers see either the old file or the new one; OSError if that fails.

    The temporary name does not end in `.prom`, so that the collector does not look at it.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, MODE)
            file.write(content)
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def samples_in(path: Path) -> list[Sample]:
    """What the last run wrote, nothing if there is no file; OSError or ValueError for one that cannot be read."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return []
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
