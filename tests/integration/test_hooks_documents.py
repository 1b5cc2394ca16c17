"""What docs/hooks.md shows works: its script on the server, its commands, and its configurations' hooks."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.config import load
from rotator.engine import Ran
from rotator.hooks import run_hook
from rotator.model import Hooks
from tests.documented import ROOT, documented

DOCUMENT = ROOT / "docs" / "hooks.md"
# A file system that can be frozen once, and says so as fsfreeze(8) does.
FSFREEZE = """\
#!/bin/sh
echo "fsfreeze $*" >>"$WORLD/log"
case "$1" in
--freeze) [ ! -e "$WORLD/frozen" ] && [ ! -e "$WORLD/broken" ] && touch "$WORLD/frozen" ;;
--unfreeze) rm "$WORLD/frozen" ;;
esac
"""
# The server at the other end, where the key may call one command only.
SSH = """\
#!/bin/sh
for last; do :; done
echo "ssh $*" >>"$WORLD/log"
SSH_ORIGINAL_COMMAND="$last" exec "$WORLD/quiet"
"""
SUDO = '#!/bin/sh\nexec "$@"\n'


class World:
    """A server with the documented script on it, and the way there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = DOCUMENT.read_text(encoding="utf-8")
        (script,) = re.findall(r"```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        self.install("quiet", script.replace("/run/quiet.pid", str(folder / "quiet.pid")))
        (folder / "bin").mkdir()
        for name, content in (("fsfreeze", FSFREEZE), ("ssh", SSH), ("sudo", SUDO)):
            self.install(f"bin/{name}", content)
        self.environ = {
            "PATH": f"{folder}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "WORLD": str(folder),
        }

    def install(self, name: str, content: str) -> None:
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o755)

    def quiet(self, word: str) -> subprocess.CompletedProcess[str]:
        environ = {**self.environ, "SSH_ORIGINAL_COMMAND": word}
        return subprocess.run(
            [self.folder / "quiet"], env=environ, capture_output=True, text=True, timeout=20, check=False
        )

    def sh(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", line], env=self.environ, capture_output=True, text=True, timeout=30, check=False
        )

    def run(self, hooks: Hooks | None, phase: str, **variables: str) -> Ran:
        command = getattr(hooks, phase)
        return run_hook(command, timeout=timedelta(seconds=20), variables=variables, environ=self.environ)

    def is_frozen(self) -> bool:
        return (self.folder / "frozen").exists()

    @property
    def safety(self) -> int:
        """The process that will thaw by itself."""
        return int((self.folder / "quiet.pid").read_text())

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    # A test may have failed between freeze and thaw.
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        os.killpg(made.safety, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pid: int) -> bool:
    """Whether the process is gone soon."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def shown_hooks(folder: Path, server: str) -> Hooks:
    """The hooks of the documented configuration that has this server, as the loader understands them."""
    for text in re.findall(r"```yaml\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        path = folder / "shown.yaml"
        path.write_text(text)
        made = load(path)
        assert made.warnings == ()
        for policy in made.policies:
            if policy.server == server and policy.hooks:
                return policy.hooks
    raise AssertionError(f"docs/hooks.md shows no hooks for {server}")


class TestQuiet:
    """The script on the server."""

    def test_freezes_and_thaws_and_leaves_nothing_running(self, world: World) -> None:
        assert world.quiet("freeze").returncode == 0
        safety = world.safety
        assert world.is_frozen()
        assert is_running(safety)
        assert world.quiet("thaw").returncode == 0
        assert not world.is_frozen()
        assert ends(safety)
        assert world.log() == ["fsfreeze --freeze /srv", "fsfreeze --unfreeze /srv"]

    def test_a_thaw_without_a_freeze_does_no_harm(self, world: World) -> None:
        assert world.quiet("thaw").returncode == 0
        assert not (world.folder / "log").exists()

    def test_a_freeze_that_fails_is_told_and_leaves_nothing_running(self, world: World) -> None:
        (world.folder / "broken").touch()
        assert world.quiet("freeze").returncode == 1
        assert not (world.folder / "quiet.pid").exists()
        assert world.quiet("thaw").returncode == 0

    def test_a_second_freeze_is_refused_and_the_thaw_that_follows_thaws(self, world: World) -> None:
        world.quiet("freeze")
        safety = world.safety
        refused = world.quiet("freeze")
        assert (refused.returncode, refused.stderr) == (1, "it is frozen already\n")
        assert world.quiet("thaw").returncode == 0
        assert not world.is_frozen()
        assert ends(safety)

    def test_it_thaws_by_itself_and_says_so_once(self, world: World) -> None:
        world.install("bin/sleep", '#!/bin/sh\nuntil [ -e "$WORLD/frozen" ]; do /bin/sleep 0.02; done\n')
        world.quiet("freeze")
        deadline = time.monotonic() + 10
        while world.is_frozen() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not world.is_frozen()
        late = world.quiet("thaw")
        assert (late.returncode, late.stderr) == (
            1,
            "/srv was thawed before its time: the snapshot may be inconsistent\n",
        )
        assert world.quiet("thaw").returncode == 0

    @pytest.mark.parametrize("word", ["", "id", "freeze; id"])
    def test_nothing_else_is_allowed(self, world: World, word: str) -> None:
        refused = world.quiet(word)
        assert (refused.returncode, refused.stderr) == (2, "only freeze and thaw are allowed\n")


def test_the_command_to_try_it_freezes_and_thaws(world: World) -> None:
    done = world.sh(
        documented(
            "docs/hooks.md",
            "sudo ssh -i /etc/rotator/hook-key root@db-server-01 freeze; "
            "sudo ssh -i /etc/rotator/hook-key root@db-server-01 thaw",
        )
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in world.log() if line.startswith("fsfreeze")] == [
        "fsfreeze --freeze /srv",
        "fsfreeze --unfreeze /srv",
    ]
    assert not world.is_frozen()


def test_the_documented_hooks_freeze_and_thaw(world: World, tmp_path: Path) -> None:
    hooks = shown_hooks(tmp_path, "db-server-01")
    assert world.run(hooks, "before").error == ""
    assert world.is_frozen()
    safety = world.safety
    assert world.run(hooks, "after").error == ""
    assert not world.is_frozen()
    assert ends(safety)


def test_one_policy_stops_the_service_on_each_of_its_servers(world: World, tmp_path: Path) -> None:
    world.install("quiet", "#!/bin/sh\n")
    for server in ("shop-server-01", "shop-server-02"):
        hooks = shown_hooks(tmp_path, server)
        assert world.run(hooks, "before", ROTATOR_SERVER=server).error == ""
        assert world.run(hooks, "after", ROTATOR_SERVER=server).error == ""
    assert world.log() == [
        f"ssh -o BatchMode=yes root@{server} systemctl {verb} shop"
        for server in ("shop-server-01", "shop-server-02")
        for verb in ("stop", "start")
    ]


def test_check_shows_the_documented_hooks(world: World, tmp_path: Path) -> None:
    (text, *_) = re.findall(r"```yaml\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    path = tmp_path / "config.yaml"
    path.write_text(text)
    shown = documented("docs/hooks.md", "rotator check -c /etc/rotator/config.yaml")
    done = world.sh(shown.replace("/etc/rotator/config.yaml", shlex.quote(str(path))))
    assert (done.returncode, done.stderr) == (0, "")
    words = " ".join(done.stdout.split())
    assert "before each snapshot runs `ssh -i /etc/rotator/hook-key -o BatchMode=yes root@db-server-01 freeze`" in words
    assert "once it is completed runs `ssh -i /etc/rotator/hook-key" in words
    assert " ! " not in words


def test_every_outcome_and_variable_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    outcomes = re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)
    assert outcomes == [
        "requested",
        "completed",
        "failed",
        "not_created",
        "timed_out",
        "interrupted",
        "recovered",
    ]
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rotator").rglob("*.py"))
    assert [word for word in outcomes if f'"{word}"' not in code] == []
    told = set(re.findall(r'"(ROTATOR_[A-Z_]+)"', (ROOT / "rotator/hooks/variables.py").read_text(encoding="utf-8")))
    assert [name for name in sorted(told) if f"`{name}`" not in text] == []
