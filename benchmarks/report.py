"""The text of RESULTS.md; knows neither how it was measured nor where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from benchmarks.result import Result


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark: what its module says of itself, what it found, and why it came to no end, if it did not."""

    name: str
    text: str
    results: tuple[Result, ...]
    trouble: str = ""

    @property
    def missed(self) -> tuple[str, ...]:
        """What is not as it should be, in words."""
        names = [f"{self.name}: {each.name}" for each in self.results if not each.kept]
        return (*names, f"{self.name}: {self.trouble}") if self.trouble else tuple(names)


def document(
    facts: Iterable[tuple[str, str]], at: datetime, minutes: float, others: float, sections: Sequence[Section]
) -> str:
    """The whole of it; `others` is the share of the CPU that other programs had meanwhile."""
    return "\n".join(_lines(facts, at, minutes, others, sections))


def _lines(
    facts: Iterable[tuple[str, str]], at: datetime, minutes: float, others: float, sections: Sequence[Section]
) -> Iterator[str]:
    judged = [each for section in sections for each in section.results if each.bound is not None]
    missed = [name for section in sections for name in section.missed]
    yield "# Results of the benchmarks\n"
    yield "`python -m benchmarks` measures all of this anew, one benchmark after the other, and writes this file.\n"
    yield f"Limits: {len(judged)}. Missed: {len(missed) or 'none'}.\n"
    if missed:
        yield "\n".join(f"- {each}" for each in missed) + "\n"
    yield "A ratio is the figure over its bound; the limit is what the ratio may be.\n"
    yield from _table(("machine", ""), facts)
    yield f"| when | {at:%Y-%m-%d %H:%M} UTC, {minutes:.1f} minutes |"
    yield f"| other programs | {others:.1%} of the CPU meanwhile |\n"
    for section in sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.name}\n"
    yield f"{section.text}\n"
    if section.trouble:
        yield f"**It came to no end:** {section.trouble}.\n"
    yield from _table(("what", "figure", "bound", "ratio", "limit", ""), (each.cells() for each in section.results))
    yield f"\nThis alone: `python -m benchmarks.{section.name}`\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows)
