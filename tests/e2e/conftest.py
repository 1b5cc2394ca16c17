"""The script and an account for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.account import Account
from tests.e2e.program import Program


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the script finds its files and leaves its own."""
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def rotator(home: Path) -> Iterator[Program]:
    """The script."""
    program = Program(home)
    yield program
    program.close()


@pytest.fixture
def account(home: Path) -> Iterator[Account]:
    """The account, served as long as the test runs."""
    account = Account(home)
    with account.sandbox:
        account.configure()
        yield account
