"""What README promises: every rule is there, every test it names exists, and its figures are those that were found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.exploration.totals import PAGED, PATHS
from tests.exploration.variants import TABLE

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## What we promise, and how it is checked\n")[2].partition("\n## ")[0]
RULES = [*(f"S{number}" for number in range(1, 12)), *(f"L{number}" for number in range(1, 5))]


def test_every_rule_is_promised_once_and_in_order() -> None:
    assert re.findall(r"^\| ([SL][0-9]+) \| \*\*", SECTION, re.MULTILINE) == RULES


@pytest.mark.parametrize(
    "row", re.findall(r"^\| [SL][0-9]+ \|.*", SECTION, re.MULTILINE), ids=lambda row: row[2:5].strip()
)
def test_every_promise_names_a_test(row: str) -> None:
    assert re.search(r"\]\(tests/[a-z0-9_/]+\.py\)", row)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#]+)\)", SECTION))))
def test_everything_the_section_points_to_exists(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_numbers_of_paths_are_those_that_the_tests_explore() -> None:
    words = " ".join(SECTION.split())
    pairs = {key: paths for key, paths in PATHS.items() if key[0].endswith("-pair")}
    alone = {key: paths for key, paths in PATHS.items() if key not in pairs}
    two_faults = [key for key in alone if key[1] == 2]
    assert len({world for world, _ in PATHS}) == len(PATHS), "with one fault are those paths that two include"
    assert {faults for _, faults in alone} == {1, 2}
    assert {faults for _, faults in pairs} == {1}
    assert f"up to two faults, in {len(two_faults)} worlds" in words
    assert f"and one fault, in {len(alone) - len(two_faults)} others" in words
    assert f"**{sum(alone.values()):,} paths**" in words
    assert f"**{sum(pairs.values()):,} paths**" in words
    paged = f"in {len(PAGED)} more worlds, comes to **{sum(PAGED.values()):,} paths**"
    assert f"The same where lists come in pages, {paged}" in words
    assert f"{len(TABLE)} variants of rotator" in words


def test_the_figures_of_the_mutation_run_are_those_of_its_page() -> None:
    found = re.search(
        r"^(\d+) mutants, .* ([\d.]+) % killed$", (ROOT / "docs" / "mutants.md").read_text(), re.MULTILINE
    )
    assert found
    assert f"in {int(found[1]):,} small ways" in SECTION
    assert f"notice {found[2]} % of them" in SECTION
