"""The file that node_exporter's textfile collector reads: written in one step, and read back by the next run."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

MODE = 0o644
"""node_exporter runs as another user."""


def samples_in(path: Path) -> list[Sample]:
    """What the last run wrote, nothing if there is no file; OSError or ValueError for one that cannot be read."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return []
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
