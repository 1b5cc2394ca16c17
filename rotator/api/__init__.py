"""The VPS.org API over HTTPS: the calls rotator makes, as hard as HTTP is; every requests exception ends here."""

from rotator.api.answers import Account
from rotator.api.client import Client

__all__ = ["Account", "Client"]
