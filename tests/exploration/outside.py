"""What the machines of a path share, and what is asked of it: the account, the judge, the chooser, and the story."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.model import Id, Policy
from tests.exploration.account import Account
from tests.exploration.chooser import Chooser
from tests.exploration.judge import Judge


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `server_id` is None for the account's list; `target` is what a delete is about."""

    verb: str
    server_id: Id | None
    name: str = ""
    target: Id | None = None
    page: int = 1

    def __str__(self) -> str:
        page = f" page {self.page}" if self.page > 1 else ""
        return f"{self.verb} {self.name or self.server_id or 'account'}{page}"


class Outside:
    """What several machines share."""

    def __init__(self, account: Account, judge: Judge) -> None:
        self.account = account
        self.judge = judge
        self.chooser = Chooser()
        self.calm = False
        self.changes = 0
        """Creates and deletes that arrived."""
        self.story: list[str] | None = None

    def tell(self, line: str) -> None:
        """One more line of the story, if somebody listens."""
        if self.story is not None:
            self.story.append(f"{self.account.now:%d %H:%M:%S} {line}")

    def policy(self, server_id: Id) -> Policy:
        """The rules of a server."""
        return next(each for each in self.account.world.policies if each.server_id == server_id)
