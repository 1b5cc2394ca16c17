"""A file is replaced in one step or not at all, with the mode that was asked for, and nothing else is left."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator.replace import replace_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file.svg"
    file.write_bytes(b"old")
    return file


def test_readers_see_the_whole_old_file_until_the_new_one_is_whole(path: Path) -> None:
    def content() -> Iterator[bytes]:
        yield b"new "
        assert path.read_bytes() == b"old"
        yield b"file"

    with path.open("rb") as reader:
        replace_file(path, content(), 0o644)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new file"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_the_mode_is_the_one_asked_for_whatever_the_umask(path: Path, mode: int) -> None:
    old = os.umask(0o077)
    try:
        replace_file(path, [b"new"], mode)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_meanwhile_the_new_one_has_a_name_that_nobody_takes_for_the_file(path: Path) -> None:
    names: list[str] = []

    def content() -> Iterator[bytes]:
        names.extend(each.name for each in path.parent.iterdir() if each != path)
        yield b"new"

    replace_file(path, content(), 0o644)
    [temporary] = names
    assert temporary.startswith(".file.svg.")
    assert not temporary.endswith(".svg")


@pytest.mark.parametrize("fault", [OSError("no space"), ValueError("a fault of ours"), KeyboardInterrupt()])
def test_whatever_goes_wrong_the_old_one_stays_and_nothing_else_is_left(path: Path, fault: BaseException) -> None:
    def content() -> Iterator[bytes]:
        yield b"new "
        raise fault

    with pytest.raises(type(fault)):
        replace_file(path, content(), 0o644)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "file.svg", [b"new"], 0o644)
