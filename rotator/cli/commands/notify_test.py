"""`rotator notify-test`: one of each notification through every channel, and what each answered."""

from __future__ import annotations

import argparse
import os
import socket
import time
import uuid

from rotator.cli.account import clock, load_config, start_logging
from rotator.cli.words import painted, write
from rotator.errors import ConfigError, Exit
from rotator.naming import printable
from rotator.notify import Tried, open_outlets, try_all

_ROW = "{:<9} {:<30} {:<8} {:>6}  {}"

_EXAMPLE = """\
notify: is not in the configuration, so nobody is told of anything; an example:
  notify:
    check_ins:
      - url_file: /etc/rotator/check-in
    webhooks:
      - url_file: /etc/rotator/webhook
        secret_file: /etc/rotator/webhook-secret
    apprise:
      - url_file: /etc/rotator/apprise"""


def run(arguments: argparse.Namespace) -> int:
    """Send and show; ConfigError where nobody is configured, or where an address or secret cannot be used."""
    redactor = start_logging(arguments)
    config = load_config(arguments)
    if config.notify is None:
        raise ConfigError((_EXAMPLE,))
    outlets = open_outlets(config.notify, clock, redactor, os.environ)
    write([painted(_ROW.format("CHANNEL", "TO", "WHAT", "TIME", "RESULT"), "bold")])
    failed = 0
    for tried in try_all(outlets, clock(), time.monotonic, lambda: str(uuid.uuid4()), socket.gethostname()):
        write([redactor.clean(_row(tried))])
        failed += not tried.answer.ok
    return Exit.PROBLEM if failed else Exit.DONE


def _row(tried: Tried) -> str:
    result = "sent" if tried.answer.ok else f"failed: {tried.answer.words}"
    cells = (tried.outlet.kind, tried.outlet.host, tried.what, f"{tried.seconds:.1f} s", result)
    return printable(_ROW.format(*cells))
