"""Puts the completions and the manual page into the wheel: made from the parser, so that they cannot lag behind it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling's own configuration, which this does not use
    """Makes the files before a wheel is built, an editable one too, and removes them after."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface of hatchling
        """Make the files and tell the builder where they go."""
        # The parser and what it imports need nothing but the standard library; so does the manual, but for shtab.
        sys.path.insert(0, self.root)
        from manual.completions import FILES, completion
        from manual.page import FILE, manual_page
        from rotator import __version__
        from rotator.cli.parser import build_parser

        texts = {path: completion(build_parser(), shell) for shell, path in FILES.items()}
        texts[FILE] = manual_page(build_parser(), __version__)
        self._folder = tempfile.TemporaryDirectory(prefix="rotator-manual-")
        for path, text in texts.items():
            made = Path(self._folder.name, path)
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(text, encoding="utf-8")
            build_data["shared_data"][str(made)] = path

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove them."""
        self._folder.cleanup()
