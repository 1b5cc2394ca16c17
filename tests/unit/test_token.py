"""The token: which place counts, what is refused, and that it is never shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rotator.config import Token, read_token
from rotator.errors import CredentialsError, Exit

SECRET = "s3cr3t-t0ken_Value.123456789"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def refusal(option: str | None = None, configured: Path | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(CredentialsError) as caught:
        read_token(option, configured, environ or {})
    assert caught.value.exit_code is Exit.CREDENTIALS
    assert SECRET not in str(caught.value)
    return str(caught.value)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_first_place_that_is_named_counts(tmp_path: Path) -> None:
    places = {}
    for name in ("option", "configured", "environ", "api-token"):
        places[name] = tmp_path / name
        places[name].write_text(f"from-{name}")
        places[name].chmod(0o600)
    option, configured = str(places["option"]), places["configured"]
    environ = {"ROTATOR_API_TOKEN_FILE": str(places["environ"]), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_token(option, configured, environ) == Token("from-option", f"--token-file, {option}")
    assert read_token(None, configured, environ) == Token("from-configured", f"api.token_file, {configured}")
    assert read_token(None, None, environ) == Token("from-environ", f"ROTATOR_API_TOKEN_FILE, {tmp_path}/environ")
    del environ["ROTATOR_API_TOKEN_FILE"]
    environ["ROTATOR_API_TOKEN"] = "from-variable"
    assert read_token(None, None, environ) == Token("from-api-token", f"$CREDENTIALS_DIRECTORY, {tmp_path}/api-token")
    places["api-token"].unlink()
    assert read_token(None, None, environ) == Token("from-variable", "ROTATOR_API_TOKEN")


def test_a_place_that_is_named_is_never_passed_over(tmp_path: Path) -> None:
    assert refusal(None, tmp_path / "none", {"ROTATOR_API_TOKEN": SECRET}) == (
        f"api.token_file: cannot use {tmp_path}/none: there is no such file; "
        "save the token there, readable by the user that runs rotator, or name another file"
    )


def test_no_token_anywhere_lists_the_places() -> None:
    assert refusal(environ={"ROTATOR_API_TOKEN": "", "ROTATOR_API_TOKEN_FILE": "", "CREDENTIALS_DIRECTORY": ""}) == (
        "no API token: looked at --token-file, api.token_file in the configuration, ROTATOR_API_TOKEN_FILE, "
        "$CREDENTIALS_DIRECTORY/api-token and ROTATOR_API_TOKEN; save the token in a file that only rotator's user "
        "may read (mode 0600) and name it with api.token_file"
    )


def test_both_variables_are_an_error_whatever_else_is_named(file: Path) -> None:
    assert refusal(str(file), None, {"ROTATOR_API_TOKEN": SECRET, "ROTATOR_API_TOKEN_FILE": str(file)}) == (
        "ROTATOR_API_TOKEN and ROTATOR_API_TOKEN_FILE are both set; unset one, so that it is clear which token counts"
    )


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_one_line_end_is_no_part_of_the_token(file: Path, end: bytes) -> None:
    assert read_token(None, written(file, SECRET.encode() + end), {}).value == SECRET


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty; put the API token there"),
        (b" \n", "is empty; put the API token there"),
        (f"{SECRET}\n\n".encode(), "holds a space, a line break or a character that no token has; "),
        (f"{SECRET}\nmore\n".encode(), "holds a space, a line break or a character that no token has; "),
        (f" {SECRET}".encode(), "holds a space, a line break or a character that no token has; "),
        (f"{SECRET}\x00".encode(), "holds a space, a line break or a character that no token has; "),
        (f"{SECRET}\xe9".encode(), "holds a space, a line break or a character that no token has; "),
        (b"\xff\xfe" + SECRET.encode(), "holds a space, a line break or a character that no token has; "),
        (f"Bearer {SECRET}".encode(), "begins with 'Bearer'; put only what follows that word there"),
    ],
)
def test_what_can_be_no_token_is_refused_and_not_shown(file: Path, content: bytes, told: str) -> None:
    assert refusal(None, written(file, content)).startswith(f"api.token_file, {file}: {told}")


def test_a_variable_is_checked_too() -> None:
    assert refusal(environ={"ROTATOR_API_TOKEN": f"{SECRET} x"}).startswith("ROTATOR_API_TOKEN: holds a space")
    assert refusal(environ={"ROTATOR_API_TOKEN": "x" * 5000}).startswith("ROTATOR_API_TOKEN: is larger than 4 KiB")


def test_what_is_no_small_file_is_refused_at_once(tmp_path: Path, file: Path) -> None:
    assert "it is a directory, not a file" in refusal(str(tmp_path))
    assert "it is larger than 4 KiB" in refusal(str(written(file, b"x" * 4097)))
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe, socket or device" in refusal(str(tmp_path / "pipe"))


def test_a_token_given_for_the_name_of_its_file_is_not_shown(tmp_path: Path) -> None:
    assert refusal(None, tmp_path / SECRET) == (
        "api.token_file: cannot use a file named by 28 characters: there is no such file; "
        "name a file that holds the token, not the token; if it was the token, it may be in logs now: replace it"
    )


def test_a_file_that_others_may_read_is_warned_of(file: Path) -> None:
    file.chmod(0o644)
    assert read_token(None, file, {}).warnings == (
        f"api.token_file: every user of this machine may read or change {file}; chmod 0600 it",
    )
    file.chmod(0o640)
    assert read_token(None, file, {}).warnings == ()


def test_systemd_looks_after_its_own_files(file: Path) -> None:
    file.rename(file.with_name("api-token")).chmod(0o444)
    assert read_token(None, None, {"CREDENTIALS_DIRECTORY": str(file.parent)}).warnings == ()


def test_a_token_does_not_show_itself() -> None:
    token = Token(SECRET, "ROTATOR_API_TOKEN")
    assert repr(token) == str(token) == "Token(source='ROTATOR_API_TOKEN', warnings=())"
