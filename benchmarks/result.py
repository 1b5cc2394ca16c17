"""What a benchmark found: figures beside their bounds, printed one by one; knows no benchmark."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. Its ratio to `bound`, in the same unit, may be `limit` at most, or has to be that at least."""

    name: str
    figure: float
    unit: str = ""
    bound: float | None = None
    limit: float = 1.0
    at_least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """None for a figure that is only told."""
        if self.bound is None:
            return None
        if self.bound == 0:
            return math.inf if self.figure > 0 else 0.0
        return self.figure / self.bound

    @property
    def kept(self) -> bool:
        """Whether the limit is kept; one that is only told has none."""
        if self.ratio is None:
            return True
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def cells(self) -> tuple[str, str, str, str, str, str]:
        """Name, figure, bound, ratio, limit and verdict, as a person reads them."""
        name = f"{self.name} ({self.note})" if self.note else self.name
        figure = f"{number(self.figure)} {self.unit}".strip()
        if self.bound is None or self.ratio is None:
            return name, figure, "", "", "", ""
        limit = f"{'≥' if self.at_least else '≤'} {self.limit:g}"
        bound = f"{number(self.bound)} {self.unit}".strip()
        return name, figure, bound, number(self.ratio), limit, "kept" if self.kept else "**MISSED**"

    def line(self) -> str:
        """As `cells`, in one line of text."""
        name, figure, bound, ratio, limit, verdict = self.cells()
        judged = f"; bound {bound}; ratio {ratio}, {limit} allowed: {verdict.strip('*')}" if bound else ""
        return f"{name}: {figure}{judged}"


def number(value: float) -> str:
    """Three digits, or all before the point."""
    if math.isinf(value):
        return "∞"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.{1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3}f}"


def run(text: str | None, measure: Callable[[bool], Iterable[Result]]) -> None:
    """A benchmark's own command line; ends with 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works; nothing is judged")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    chosen = parser.parse_args()
    kept = True
    for found in measure(chosen.quick):
        result = replace(found, bound=None) if chosen.quick else found
        print(json.dumps(asdict(result)) if chosen.json else result.line(), flush=True)
        kept = kept and result.kept
    sys.exit(0 if kept else 1)
