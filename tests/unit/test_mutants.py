"""docs/mutants.md stays true to the source: what it says of the mutation run adds up, and its lines are still there."""

from __future__ import annotations

import re

from tests.mutants import BOUND, DOCUMENT, ROOT, Mutant, listed, targets

TEXT = (ROOT / DOCUMENT).read_text(encoding="utf-8")


def test_a_listed_survivor_is_a_file_a_line_and_what_it_becomes() -> None:
    block = "```diff\na.py\n-    if a < b:\n+    if a <= b:\n+    if a > b:\n-    c = 1\n+    c = 2\n```\n"
    assert listed(f"One.\n\n{block}\nTwo.\n") == [
        Mutant("a.py", "if a < b:", "if a <= b:"),
        Mutant("a.py", "if a < b:", "if a > b:"),
        Mutant("a.py", "c = 1", "c = 2"),
    ]


def test_every_line_that_a_survivor_changes_stands_in_its_file_and_what_it_becomes_does_not() -> None:
    assert listed(TEXT)
    for mutant in listed(TEXT):
        lines = {line.strip() for line in (ROOT / mutant.file).read_text(encoding="utf-8").splitlines()}
        assert mutant.before in lines, f"{DOCUMENT} lists a survivor of a line that {mutant.file} lacks: {mutant}"
        assert mutant.after not in lines, f"{DOCUMENT} lists a survivor that changes nothing: {mutant}"


def test_only_modules_that_are_mutated_have_survivors() -> None:
    mutated = {str(path.relative_to(ROOT)) for path in targets(ROOT)}
    assert {mutant.file for mutant in listed(TEXT)} <= mutated
    assert {"rotator/naming.py", "rotator/retention.py", "rotator/planner/plan.py", "rotator/slots/zones.py"} <= mutated


def test_the_figures_add_up_and_every_survivor_is_listed() -> None:
    figures = re.search(r"^(\d+) mutants, (\d+) killed, (\d+) survived: ([\d.]+) % killed$", TEXT, re.MULTILINE)
    assert figures, f"{DOCUMENT} lacks the last line of the run"
    total, killed, survived = (int(each) for each in figures.groups()[:3])
    assert killed + survived == total
    assert survived == len(listed(TEXT))
    assert figures[4] == f"{100 * killed / total:.1f}"
    assert killed >= total * BOUND / 100
