"""`rotator schema`: the JSON Schema of the configuration."""

from __future__ import annotations

import argparse
import json

from rotator.cli.words import write
from rotator.config import json_schema
from rotator.errors import Exit


def run(_arguments: argparse.Namespace) -> int:
    """Print the schema."""
    write([json.dumps(json_schema(), indent=2, ensure_ascii=False)])
    return Exit.DONE
