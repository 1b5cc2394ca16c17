"""The bill of materials (CycloneDX) of the container's Python packages, from the pinned list alone; asks no network.

The same list gives the same bytes: there is no time and no serial number in it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_PINNED = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)")
_NEEDED_BY = re.compile(r"^ +#(?: +via)?(?: +(?P<name>[a-z0-9][a-z0-9._-]*))?$")


@dataclass(frozen=True)
class Package:
    """One pinned package; `needed_by` are the names of those that ask for it, `rotator` among them."""

    name: str
    version: str
    needed_by: tuple[str, ...]

    @property
    def reference(self) -> str:
        """Its package URL, which names an ecosystem and no host."""
        return f"pkg:pypi/{self.name}@{self.version}"


def packages(pinned: str) -> tuple[Package, ...]:
    """What a list of pip-compile pins, in its order."""
    found: list[Package] = []
    for line in pinned.splitlines():
        if match := _PINNED.match(line):
            found.append(Package(match["name"], match["version"], ()))
        elif found and (match := _NEEDED_BY.match(line)) and match["name"]:
            last = found[-1]
            found[-1] = Package(last.name, last.version, (*last.needed_by, match["name"]))
    return tuple(found)


def bill(pinned: str, version: str) -> str:
    """The bill of rotator in this version, for this list."""
    listed = packages(pinned)
    program = {"type": "application", "bom-ref": "rotator", "name": "vps-rotator", "version": version}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**program, "licenses": [{"license": {"id": "MIT"}}]}},
        "components": [
            {
                "type": "library",
                "bom-ref": each.reference,
                "name": each.name,
                "version": each.version,
                "purl": each.reference,
            }
            for each in listed
        ],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(each.reference for each in listed if name in each.needed_by)}
            for name, reference in (("rotator", "rotator"), *((each.name, each.reference) for each in listed))
        ],
    }
    return json.dumps(document, indent=2) + "\n"
