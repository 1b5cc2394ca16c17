"""The page's style and script, named by their content so that a browser keeps them until they change."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

_KINDS = {"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that never changes while it has this `mark`."""

    body: bytes
    kind: str
    mark: str


def assets() -> dict[str, Asset]:
    """What the page loads besides itself, by file name."""
    found = {}
    for name, kind in _KINDS.items():
        body = text(name).encode()
        found[name] = Asset(body, kind, sha256(body).hexdigest()[:16])
    return found


def text(name: str) -> str:
    """A file of this package."""
    return files("rotator.web").joinpath(name).read_text(encoding="utf-8")
