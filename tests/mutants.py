"""The mutation run: breaks the core in every way that mutmut knows, and says which breaks no test notices.

`python -m tests.mutants`, from the root of a checkout; docs/mutants.md has its result. What the run adds to
`mutmut run`: it works on a copy; it takes the caches off, because mutmut passes over every function with a decorator;
and it changes what stands outside functions too (constants, tables, patterns), each change in a process of its own.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENT = "docs/mutants.md"
BOUND = 95
"""Percent of all mutants that the tests have to notice."""

_PATIENCE_SECONDS = 60
_BLOCK = re.compile(r"^```diff\n(?P<file>.*?)\n(?P<lines>.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: a file of the checkout, the lines that it takes away and those that it puts there."""

    file: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}\n-{self.before}\n+{self.after}"


def listed(document: str) -> list[Mutant]:
    """The survivors that a document lists: in each ```diff block a file, and one `+` line for each mutant."""
    found = []
    for block in _BLOCK.finditer(document):
        before = ""
        for line in block["lines"].splitlines():
            if line.startswith("-"):
                before = line[1:].strip()
            else:
                found.append(Mutant(block["file"].strip(), before, line[1:].strip()))
    return found


def targets(root: Path) -> list[Path]:
    """The modules that are mutated, as pyproject.toml names them."""
    return sorted(path for pattern in _settings(root)["only_mutate"] for path in root.glob(pattern))


def _settings(root: Path) -> dict[str, Any]:
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    settings: dict[str, Any] = document["tool"]["mutmut"]
    return settings


def _copied(to: Path) -> None:
    for folder in ("rotator", "tests"):
        shutil.copytree(ROOT / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)
    for path in targets(to):
        path.write_text(re.sub(r"^@lru_cache\(.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE))


def _in_functions(copy: Path, processes: int) -> tuple[int, list[Mutant]]:
    """How many mutants mutmut makes, and those that survive."""
    from mutmut.stats import status_by_exit_code

    command = [sys.executable, "-m", "mutmut"]
    subprocess.run([*command, "run", "--max-children", str(processes)], cwd=copy, check=True)
    results: dict[str, int] = {}
    for path in (copy / "mutants").rglob("*.meta"):
        results |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    survivors = [name for name, code in results.items() if status_by_exit_code[code] not in ("killed", "timeout")]
    shown = (
        subprocess.run([*command, "show", name], cwd=copy, check=True, capture_output=True, text=True).stdout
        for name in survivors
    )
    return len(results), [_as_mutant(name, diff) for name, diff in zip(survivors, shown, strict=True)]


def _as_mutant(name: str, diff: str) -> Mutant:
    file = re.search(r"^--- (\S+)", diff, re.MULTILINE)
    return _changed(file[1] if file else name, diff.splitlines())


def _changed(file: str, diff: list[str]) -> Mutant:
    before, after = (
        "\n".join(line[1:].strip() for line in diff if line.startswith(sign) and not line.startswith(sign * 3))
        for sign in "-+"
    )
    return Mutant(file, before, after)


def _outside_functions(copy: Path) -> Iterator[tuple[Mutant, bool]]:
    """Every mutant of what stands outside functions, and whether it survives."""
    for path in targets(copy):
        original = path.read_text(encoding="utf-8")
        if not _passes(copy, path):
            sys.exit("the tests fail before anything is broken: what they would say of a mutant means nothing")
        for number, broken in enumerate(_variants(copy, path, original)):
            path.write_text(broken, encoding="utf-8")
            # Compiled files are told apart by whole seconds and size.
            os.utime(path, (number, number))
            diff = difflib.unified_diff(original.splitlines(), broken.splitlines(), n=0, lineterm="")
            yield _changed(str(path.relative_to(copy)), list(diff)), _passes(copy, path)
        path.write_text(original, encoding="utf-8")


def _variants(copy: Path, path: Path, code: str) -> list[str]:
    from libcst import FunctionDef
    from mutmut.mutation.file_mutation import create_mutations

    with chdir(copy):
        module, mutations, *_ = create_mutations(str(path), code)
    return [
        module.deep_replace(each.original_node, each.mutated_node).code
        for each in mutations
        if not isinstance(each.contained_by_top_level_function, FunctionDef)
    ]


def _passes(copy: Path, broken: Path) -> bool:
    """Whether all tests pass; those that are named like what is broken go first, since the first failure is enough."""
    settings = _settings(copy)
    names = {broken.stem, broken.parent.name}
    tests = sorted(
        settings["pytest_add_cli_args_test_selection"],
        key=lambda test: Path(test).stem.removeprefix("test_") not in names,
    )
    command = [sys.executable, "-m", "pytest", "-x", "-q", *settings["pytest_add_cli_args"], *tests]
    try:
        code = subprocess.run(command, cwd=copy, capture_output=True, timeout=_PATIENCE_SECONDS).returncode
    except subprocess.TimeoutExpired:
        return False
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED):
        sys.exit(f"pytest ended with {code} instead of running the tests: {' '.join(command)}")
    return code == 0


def main() -> int:
    """Prints the figures and what the document lacks; 0 if enough mutants are killed and it lists all survivors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        _copied(copy)
        outside = list(_outside_functions(copy))
        count, survivors = _in_functions(copy, arguments.processes)
    survivors += [mutant for mutant, survives in outside if survives]
    total = count + len(outside)
    unlisted = [mutant for mutant in survivors if mutant not in listed((ROOT / DOCUMENT).read_text(encoding="utf-8"))]
    for mutant in unlisted:
        print(f"{DOCUMENT} does not list: {mutant}")
    killed = 100 * (total - len(survivors)) / total
    print(f"{total} mutants, {total - len(survivors)} killed, {len(survivors)} survived: {killed:.1f} % killed")
    return 1 if unlisted or killed < BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
