"""Counters and histograms of one process that can go on from what an earlier process wrote.

prometheus-client's own always begin at nothing and bring `_created` series with them, which double what is stored.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]


class Counter:
    """Thread-safe. `first` are label values that begin at 0 instead of being absent."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = (), first: Iterable[Labels] = ()) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._lock = Lock()
        self._values: dict[Labels, float] = dict.fromkeys(first, 0.0)

    def add(self, *labels: str, by: float = 1) -> None:
        """Count something."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0.0) + by

    def resume(self, samples: Iterable[Sample]) -> None:
        """Add what an earlier process counted; samples of other metrics are passed over."""
        for sample in samples:
            if sample.name == f"{self._name}_total" and set(sample.labels) == {*self._labels}:
                self.add(*(sample.labels[label] for label in self._labels), by=sample.value)

    def family(self) -> CounterMetricFamily:
        """All values as of now."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        with self._lock:
            values = list(self._values.items())
        for labels, value in values:
            family.add_metric(labels, value)
        return family


class Histogram:
    """How long things take, in seconds; thread-safe. `bounds` are the upper ends of the buckets."""

    def __init__(
        self, name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = (), first: Iterable[Labels] = ()
    ) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._bounds = (*bounds, float("inf"))
        self._ends = tuple(map(floatToGoString, self._bounds))
        self._lock = Lock()
        self._counts: dict[Labels, list[float]] = {each: self._empty() for each in first}
        self._sums: dict[Labels, float] = dict.fromkeys(first, 0.0)

    def observe(self, seconds: float, *labels: str) -> None:
        """Something took this long."""
        at = bisect_left(self._bounds, seconds)
        self._add(labels, [float(at == each) for each in range(len(self._bounds))], seconds)

    def resume(self, samples: Iterable[Sample]) -> None:
        """Add what an earlier process saw; buckets of another version of rotator cannot be added up and are left."""
        rows: dict[Labels, dict[str, float]] = {}
        for sample in samples:
            if sample.name in (f"{self._name}_bucket", f"{self._name}_sum"):
                labels = tuple(sample.labels.get(label, "") for label in self._labels)
                rows.setdefault(labels, {})[sample.labels.get("le", "sum")] = sample.value
        for labels, row in rows.items():
            if set(row) == {*self._ends, "sum"}:
                ends = [row[end] for end in self._ends]
                self._add(labels, [now - before for before, now in zip([0.0, *ends], ends, strict=False)], row["sum"])

    def family(self) -> HistogramMetricFamily:
        """All buckets as of now."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        with self._lock:
            rows = list(self._cumulated())
        for labels, buckets, total in rows:
            family.add_metric(labels, buckets, total)
        return family

    def _cumulated(self) -> Iterator[tuple[Labels, list[tuple[str, float]], float]]:
        for labels, counts in self._counts.items():
            yield labels, list(zip(self._ends, accumulate(counts), strict=True)), self._sums[labels]

    def _add(self, labels: Labels, counts: Sequence[float], seconds: float) -> None:
        with self._lock:
            old = self._counts.get(labels) or self._empty()
            self._counts[labels] = [before + more for before, more in zip(old, counts, strict=True)]
            self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def _empty(self) -> list[float]:
        return [0.0] * len(self._bounds)
