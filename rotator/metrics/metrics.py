"""All metrics of a process: fed by passes and by API requests, asked for by scrapes from other threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

from rotator import __version__
from rotator.config import Config
from rotator.engine import Outcome, Report
from rotator.logs import Event, logger
from rotator.metrics.families import process_families, rows_of, server_text
from rotator.metrics.fleet import Fleet
from rotator.metrics.series import Counter, Histogram
from rotator.metrics.textfile import MODE, samples_in
from rotator.model import Verb
from rotator.replace import replace_file
from rotator.standing import Watcher

_ENDS = ("completed", "failed", "blocked", "missed")
_METHODS = ("GET", "POST", "DELETE")
_OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
_OPEN_METRICS_END = b"# EOF\n"
_CREATION_BOUNDS = (5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_REQUEST_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics(Watcher):
    """Thread-safe. What it has nothing to say of is absent, not 0."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._fleet = Fleet()
        self._figures: dict[str, float] = {}
        self._created = Counter("rotator_snapshots_created", "Snapshots that the API agreed to create.", first=[()])
        self._deleted = Counter("rotator_snapshots_deleted", "Snapshots that rotator deleted.", first=[()])
        self._failed = Counter("rotator_snapshots_failed", "Snapshots that were asked for and failed.", first=[()])
        text = "How rotations ended: completed, failed (each try), blocked (no room), missed (later than grace)."
        self._rotations = Counter("rotator_rotations", text, ["outcome"], [(end,) for end in _ENDS])
        text = "From asking for a snapshot to seeing it complete."
        self._creation = Histogram("rotator_snapshot_creation_seconds", text, _CREATION_BOUNDS, first=[()])
        text = "Requests to the API, each try for itself, by the answer's status; error: there was no answer."
        self._requests = Counter("rotator_api_requests", text, ["method", "status"])
        text = "How long a request to the API took, with the whole answer."
        first = [(method,) for method in _METHODS]
        self._latency = Histogram("rotator_api_request_duration_seconds", text, _REQUEST_BOUNDS, ["method"], first)
        self._resumed = False
        # A textfile becomes part of node_exporter's own exposition, which has process_* already.
        self._of_file = CollectorRegistry(auto_describe=False)
        self._of_daemon = CollectorRegistry(auto_describe=False)
        for registry in (self._of_file, self._of_daemon):
            registry.register(self)
        ProcessCollector(registry=self._of_daemon)

    def configured(self, config: Config, now: datetime, problems: tuple[str, ...] = ()) -> None:
        """Drop the servers that left; remember whether the last reload worked."""
        self._fleet.configured(config.policies)
        self._figures["rotator_config_last_reload_successful"] = float(not problems)
        if not problems:
            self._figures["rotator_config_last_reload_success_timestamp_seconds"] = now.timestamp()

    def passed(self, report: Report, now: datetime) -> None:
        """Count what was done, and keep what was seen."""
        self._figures["rotator_last_pass_timestamp_seconds"] = now.timestamp()
        self._figures["rotator_last_pass_successful"] = float(report.error is None)
        for outcome in report.outcomes:
            self._count(outcome)
            if (end := self._fleet.passed(outcome, now)) is not None:
                self._rotations.add(end)

    def woke(self, now: datetime) -> None:
        """The loop is alive."""
        self._figures["rotator_last_wake_timestamp_seconds"] = now.timestamp()

    def api_request(self, method: str, status: str, seconds: float) -> None:
        """One exchange with the API was over: `observe` of `api.Client`."""
        sort = status if len(status) == 3 and status.isdecimal() and "1" <= status[0] <= "5" else "error"
        self._requests.add(method, sort)
        self._latency.observe(seconds, method)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The body and content type of `/metrics`, in the format that the request's `Accept` asks for."""
        # Not passed on as it came: prometheus-client stumbles over versions that are none, and repeats them.
        encode, content_type = choose_encoder(_OPEN_METRICS if "application/openmetrics-text" in accept else "")
        return self._with_servers(encode(self._of_daemon)), content_type

    def write(self, path: Path) -> None:
        """Leave the figures for the textfile collector; trouble with the file is logged and stops nothing.

        What the file held goes on: counters are added up, and servers that this run did not see keep their figures,
        so that no alert ends because a run saw nothing.
        """
        self._resume(path)
        try:
            replace_file(path, [self._with_servers(generate_latest(self._of_file))], MODE)
        except OSError as error:
            reason = f"{error.strerror or error}; the folder must exist and be writable for rotator"
            logger().warning(Event.METRICS_FILE_FAILED, file=str(path), reason=reason)

    def collect(self) -> Iterator[Metric]:
        """Everything but the servers, for prometheus-client."""
        yield from process_families(__version__, dict(self._figures))
        for counter in (self._rotations, self._created, self._deleted, self._failed, self._requests):
            yield counter.family()
        for histogram in (self._creation, self._latency):
            yield histogram.family()

    def _with_servers(self, exposition: bytes) -> bytes:
        end = _OPEN_METRICS_END if exposition.endswith(_OPEN_METRICS_END) else b""
        return (
            exposition.removesuffix(end) + server_text(self._fleet.rows(self._clock())).encode(errors="replace") + end
        )

    def _count(self, outcome: Outcome) -> None:
        for action in outcome.done:
            (self._created if action.verb is Verb.CREATE else self._deleted).add()
        finished = outcome.finished
        if finished is not None and not finished.ok:
            self._failed.add()
        elif finished is not None and finished.duration is not None:
            self._creation.observe(finished.duration.total_seconds())

    def _resume(self, path: Path) -> None:
        if self._resumed:
            return
        self._resumed = True
        try:
            samples = samples_in(path)
        except (OSError, ValueError) as error:
            reason = f"the old figures cannot be read ({error}); counters begin at 0"
            logger().warning(Event.METRICS_FILE_FAILED, file=str(path), reason=reason)
            return
        self._fleet.resume(rows_of(samples))
        for series in (self._rotations, self._created, self._deleted, self._failed, self._requests):
            series.resume(samples)
        for histogram in (self._creation, self._latency):
            histogram.resume(samples)
