"""An embedded VPS.org API over real HTTP: for `--sandbox`, `rotator sandbox`, the demo and the tests."""

from rotator.sandbox.cloud import Cloud, Refusal
from rotator.sandbox.fill import configuration, fill, fleet
from rotator.sandbox.hold import Hold
from rotator.sandbox.routes import Answer, Request
from rotator.sandbox.server import Sandbox

__all__ = ["Answer", "Cloud", "Hold", "Refusal", "Request", "Sandbox", "configuration", "fill", "fleet"]
