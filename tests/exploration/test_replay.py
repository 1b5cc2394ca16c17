"""A key brings back the one path it stands for, and `pytest --replay KEY` tells it."""

from __future__ import annotations

import pytest

from tests.exploration.chooser import NoSuchChoiceError
from tests.exploration.replay import replayed

KEY = "s1-t2-k4-m1-f0-full-run:2=answer-lost"


def test_a_key_is_told_as_a_story_of_wake_ups_calls_answers_faults_and_plans() -> None:
    found = replayed(KEY)
    story = "\n".join(found.story)
    assert not found.broken
    assert "#2 create rotator-20261123T020000Z <- answer-lost" in story
    assert "server 101: uncertain" in story
    assert "server 101: acted, did delete rotator-20261121T020000Z" in story


def test_the_same_key_tells_the_same_story_again() -> None:
    assert replayed(KEY) == replayed(KEY)


def test_a_key_without_a_fault_is_the_undisturbed_path() -> None:
    assert not replayed("s1-t2-k4-m1-f0-full-run:").broken


def test_what_is_no_key_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match="one looks like"):
        replayed("12=answer-lost")
    with pytest.raises(ValueError, match="a name looks like"):
        replayed("keep4:12=answer-lost")


@pytest.mark.parametrize("entry", ["twelve=answer-lost", "=answer-lost", "12", "-1=answer-lost"])
def test_an_entry_without_a_number_or_a_name_is_refused_with_an_example(entry: str) -> None:
    with pytest.raises(ValueError, match="a key looks like"):
        replayed(f"s1-t2-k4-m1-f0-full-run:{entry}")


def test_a_boundary_that_the_path_never_gets_to_is_refused() -> None:
    key = "s1-t2-k4-m1-f0-full-run:2=answer-lost,999=crash-after"
    with pytest.raises(NoSuchChoiceError, match="no boundary 999 on this path"):
        replayed(key)
    assert replayed(key, may_end_before=True) == replayed(KEY)


def test_what_cannot_happen_at_a_boundary_is_refused_with_what_can() -> None:
    with pytest.raises(NoSuchChoiceError, match="boundary 2: stale is none of crash-before"):
        replayed("s1-t2-k4-m1-f0-full-run:2=stale")


def test_the_path_of_the_command_line(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--replay KEY` this is the only test that runs; without, it takes the key above."""
    key = request.config.getoption("--replay")
    found = replayed(key or KEY)
    if key:
        with capsys.disabled():
            print("", *found.story, sep="\n")
    assert not found.broken, found.broken
