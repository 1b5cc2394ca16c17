"""The container's pinned lists are made again from pyproject.toml; the README's commands are the document's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documented import ROOT, commands, documented


def test_readme_shows_commands_of_the_document() -> None:
    """Which the tests above run."""
    shown = (
        documented("README.md", "docker build -t rotator ."),
        documented(
            "README.md",
            "docker run --rm --read-only --tmpfs /tmp --cap-drop all rotator once --sandbox "
            "-c /usr/share/rotator/config.example.yaml",
        ),
        documented(
            "README.md",
            "docker run -d --name rotator --restart unless-stopped --read-only --tmpfs /tmp --cap-drop all "
            "--security-opt no-new-privileges -v /etc/rotator:/etc/rotator:ro -v rotator-state:/var/lib/rotator "
            "-e ROTATOR_API_TOKEN_FILE=/etc/rotator/token rotator",
        ),
    )
    assert {*shown} <= {*commands("docs/container.md")}


def test_pinning_again_changes_nothing(tmp_path: Path) -> None:
    """The lists are those of pyproject.toml, made by the script that is named as their maker."""
    for path in ("pyproject.toml", "container", "rotator/__init__.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, tmp_path / path)
    python, script = documented("docs/container.md", ".venv/bin/python container/lock.py").split()
    assert python == ".venv/bin/python"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=True, timeout=100)
    for name in ("requirements.txt", "build-requirements.txt", "sbom.cdx.json"):
        assert (tmp_path / "container" / name).read_text() == (ROOT / "container" / name).read_text()
