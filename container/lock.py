"""Pins what the container is built from, versions and hashes, and lists it as an SBOM; knows no registry by name.

    python container/lock.py              after a change of the dependencies; keeps every version that still fits
    python container/lock.py --upgrade    the newest versions that fit

Needs pip-tools, which is in the `dev` extra. Run it with the oldest Python that rotator supports: a package that only
older Pythons need does no harm, one that is missing ends the build.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

# This tree's, whatever the working directory is.
from container.sbom import bill  # noqa: E402
from rotator import __version__  # noqa: E402

RUNTIME = HERE / "requirements.txt"
BUILD = HERE / "build-requirements.txt"
BILL = HERE / "sbom.cdx.json"

_COMPILE = (
    *("piptools", "compile", "--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-header"),
    *("--no-config", "--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options"),
)


_OTHER = ("all", "test", "dev", "mutation")
"""Extras that are not the program's: one repeats others, the rest is for those who change it."""


def runtime_needs(project: dict[str, Any]) -> list[str]:
    """What the program needs, with everything optional: in a container no key of the configuration is out of reach."""
    declared = project["project"]
    groups = (needs for extra, needs in declared["optional-dependencies"].items() if extra not in _OTHER)
    return sorted({*declared["dependencies"], *(need for needs in groups for need in needs)})


def build_needs(project: dict[str, Any]) -> list[str]:
    """What making the wheel needs."""
    return sorted(project["build-system"]["requires"])


def pin(needs: list[str], target: Path, about: str, *, upgrade: bool) -> None:
    """Write `target`: every package that `needs` lead to, in one version, with the hashes of all its files."""
    command = [sys.executable, "-m", *_COMPILE, *(["--upgrade"] if upgrade else []), "--output-file", str(target), "-"]
    subprocess.run(command, input="\n".join(needs), text=True, cwd=ROOT, check=True)  # noqa: S603 - all of it is ours
    pinned = target.read_text(encoding="utf-8")
    # What was asked for came from standard input, which says nothing to a reader.
    pinned = re.sub(r"(?<= )-r -$", "rotator", pinned, flags=re.MULTILINE)
    target.write_text(f"# {about}\n# Made by container/lock.py; do not edit.\n{pinned}", encoding="utf-8")


def main() -> None:
    """Write the two lists and the bill."""
    parser = argparse.ArgumentParser(description="pin what the container is built from")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")
    upgrade = parser.parse_args().upgrade
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pin(runtime_needs(project), RUNTIME, "What the container runs with.", upgrade=upgrade)
    pin(build_needs(project), BUILD, "What the container's wheel is made with, and then left behind.", upgrade=upgrade)
    BILL.write_text(bill(RUNTIME.read_text(encoding="utf-8"), __version__), encoding="utf-8")


if __name__ == "__main__":
    main()
