"""rotator's image, an account for it, and what runs containers; nothing of it is left after a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented import documented
from tests.e2e.account import Account
from tests.system.containers.docker import Docker, configure
from tests.system.containers.podman import USER, Podman


@pytest.fixture(scope="session")
def image() -> str:
    """rotator's image."""
    return Podman().image(documented("docs/container.md", "docker build -t rotator ."))


@pytest.fixture
def podman(image: str) -> Iterator[Podman]:
    podman = Podman()
    yield podman
    podman.remove()


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account; its folder is what the container finds as /etc/rotator."""
    home = tmp_path / "folder"
    home.mkdir(mode=0o755)
    account = Account(home)
    with account.sandbox:
        configure(account)
        os.chown(account.token_file, USER, USER)
        yield account


@pytest.fixture
def docker(podman: Podman, account: Account) -> Docker:
    return Docker(podman, account.home)
