"""A file that is written in one step; knows nothing of what is in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def replace_file(path: Path, content: Iterable[bytes], mode: int) -> None:
    """Put `content` where readers see either the old file or the new one; OSError if that fails.

    The temporary name begins with a dot and has another ending, so that nobody takes it for the file.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.writelines(content)
        Path(temporary).replace(path)
    except BaseException:  # also a Ctrl-C: else the temporary file would stay for ever
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
