"""`rotator schema`: the JSON Schema of the configuration."""

from __future__ import annotations

import argparse
import json
import sys

from rotator.config import json_schema
from rotator.errors import Exit


def run(_arguments: argparse.Namespace) -> int:
    """Print the schema."""
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
    return Exit.DONE
