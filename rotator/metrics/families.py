"""Names and help texts of the gauges, and how rows become families of Prometheus; knows no pass and no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.samples import Sample

from rotator.metrics.fleet import TROUBLES, Row

OF_SERVER = {
    "cap": "How many snapshots the server may have; there is one sample for every configured server.",
    "healthy": "1 if nothing is wrong with the server, else 0.",
    "last_success_timestamp_seconds": "When a rotation of the server last succeeded.",
    "last_attempt_timestamp_seconds": "When rotator last began a snapshot of the server, whatever became of it.",
    "next_slot_timestamp_seconds": "The next slot of the server's schedule.",
    "newest_restore_point_timestamp_seconds": "When the newest restore point was taken.",
    "oldest_restore_point_timestamp_seconds": "When the oldest restore point was taken.",
    "stale_after_timestamp_seconds": "When the newest restore point is too old unless a newer one comes: max_age, else "
    "two slots without one.",
    "snapshots": "Snapshots that the server has, whoever made them and whatever their status.",
    "restore_points": "Complete snapshots of the server that rotator made or adopted.",
    "foreign_snapshots": "Snapshots of the server that rotator does not own.",
}
"""Metrics with the label `server`, without their `rotator_server_`."""

_SERVER = "rotator_server_"
_TROUBLE = "rotator_server_trouble"

OF_PROCESS = {
    "rotator_config_last_reload_successful": "1 if the configuration file could be used when it was last read, else 0.",
    "rotator_config_last_reload_success_timestamp_seconds": "When the configuration in force was read.",
    "rotator_last_pass_timestamp_seconds": "When the last pass was over; a daemon makes one when something is due, and "
    "at least every 24 hours.",
    "rotator_last_pass_successful": "0 if the last pass found the whole account in trouble (the API unreachable, the "
    "token refused), else 1.",
    "rotator_last_wake_timestamp_seconds": "When the daemon's loop last turned; it does at least every 30 seconds.",
}
"""Metrics without a label."""


def server_text(rows: Sequence[tuple[str, Row]]) -> str:
    """One family for each figure, one sample for each server that has it.

    Text that both formats of Prometheus take: going through prometheus-client would take most of a scrape's time.
    """
    labelled = [(f'{{server="{escaped(server)}"', row) for server, row in rows]
    lines = [
        line
        for key, text in OF_SERVER.items()
        for line in (
            *_head(_SERVER + key, text),
            *(f"{_SERVER}{key}{start}}} {row.figures[key]!r}" for start, row in labelled if key in row.figures),
        )
    ]
    lines += _head(_TROUBLE, "1 if the server has this kind of trouble, else 0.")
    for start, row in labelled:
        if row.troubles is not None:
            lines += [f'{_TROUBLE}{start},kind="{kind}"}} {int(kind in row.troubles)}' for kind in TROUBLES]
    return "\n".join(lines) + "\n"


def escaped(value: str) -> str:
    """A label's value between its quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _head(name: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} gauge"


def process_families(version: str, figures: Mapping[str, float]) -> Iterator[Metric]:
    """What is known of rotator itself; a figure that is not known has no family."""
    yield InfoMetricFamily("rotator_build", "The version of rotator that gave these figures.", {"version": version})
    for name, text in OF_PROCESS.items():
        if name in figures:
            yield GaugeMetricFamily(name, text, value=figures[name])


def rows_of(samples: Iterable[Sample]) -> dict[str, Row]:
    """The rows that `server_text` wrote as samples."""
    figures: dict[str, dict[str, float]] = {}
    troubles: dict[str, set[str]] = {}
    for name, labels, value, *_ in samples:
        key, server = name.removeprefix(_SERVER), labels.get("server")
        if server is None or key == name:
            continue
        if name == _TROUBLE:
            troubles.setdefault(server, set()).update({labels.get("kind", "")} if value else ())
        elif key in OF_SERVER:
            figures.setdefault(server, {})[key] = value
    return {
        server: Row(row, frozenset(troubles[server]) if server in troubles else None) for server, row in figures.items()
    }
