"""Files that hold secrets and addresses: what is read, what is refused, and that none of it is ever shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rotator.config import Config, Target, read_address, read_lines, read_secret, read_token
from rotator.config.resolve import parse
from rotator.config.secret import secret_findings
from rotator.errors import ConfigError, CredentialsError

SECRET = "s3cr3t-v4lue_0123456789"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refusal(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read_secret(path, "web.token_file", environ or {})
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_is_read_without_its_end(file: Path, end: str) -> None:
    assert read_secret(written(file, f"a secret ü{end}".encode()), "web.token_file", {}) == "a secret ü"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it is empty; write one line there"),
        (b" \n", "it is empty; write one line there"),
        (f"{SECRET}\n{SECRET}\n".encode(), "it holds several lines, a space at an end or a character that does not"),
        (f" {SECRET}\n".encode(), "it holds several lines, a space at an end or a character that does not print; "),
        (f"{SECRET}\0".encode(), "it holds several lines, a space at an end or a character that does not print; "),
        (SECRET.encode() + b"\xff", "it is not text in UTF-8; save it as text"),
        (b"x" * 4097, "it is larger than 4 KiB; save it there, readable by the user that runs rotator"),
    ],
)
def test_what_is_not_one_line_of_text_is_refused_and_not_shown(file: Path, content: bytes, told: str) -> None:
    assert refusal(written(file, content)).startswith(f"web.token_file: cannot use {file}: {told}")


def test_a_file_that_is_not_there_or_no_file_is_told_with_the_remedy(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == (
        f"web.token_file: cannot use {tmp_path}/none: there is no such file; "
        "save it there, readable by the user that runs rotator, or name another file"
    )
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe, socket or device" in refusal(tmp_path / "pipe")
    assert refusal(tmp_path / SECRET).startswith("web.token_file: cannot use a file named by 23 characters: ")


def test_a_file_of_systemd_is_found_where_systemd_put_it(file: Path) -> None:
    path, given = Path("$CREDENTIALS_DIRECTORY/file"), {"CREDENTIALS_DIRECTORY": str(file.parent)}
    assert read_secret(path, "web.token_file", given) == SECRET
    assert refusal(path) == (
        "web.token_file: cannot use $CREDENTIALS_DIRECTORY/file: systemd gave no credentials; "
        "add LoadCredential=file:PATH to the unit"
    )


def test_the_token_too_may_be_a_file_of_systemd(file: Path) -> None:
    path = Path("$CREDENTIALS_DIRECTORY/file")
    token = read_token(None, path, {"CREDENTIALS_DIRECTORY": str(file.parent)})
    assert (token.value, token.source) == (SECRET, f"api.token_file, {file}")
    with pytest.raises(CredentialsError, match="add LoadCredential=file:PATH to the unit"):
        read_token(None, path, {})


def test_lines_are_read_without_comments_and_empty_ones(file: Path) -> None:
    written(file, b"# ours\n\n  ntfys://a/b \r\nmailto://c\n")
    assert read_lines(file, "notify.apprise[0].url_file", {}) == ("ntfys://a/b", "mailto://c")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"# nothing\n\n", "it holds nothing; write one address a line"),
        (b"a\0b", "it holds a character that does not print; write one address a line")],
)  # fmt: skip
def test_a_file_without_usable_lines_is_refused(file: Path, content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_lines(written(file, content), "notify.apprise[0].url_file", {})


def test_an_address_is_the_one_written_or_the_one_in_the_file(file: Path) -> None:
    assert read_address(Target("https://a/b"), "notify.webhooks[0]", {}) == "https://a/b"
    written(file, b"https://c/d?e=f\n")
    assert read_address(Target(url_file=file), "notify.webhooks[0]", {}) == "https://c/d?e=f"
    written(file, f"ftp://{SECRET}\n".encode())
    with pytest.raises(ConfigError) as caught:
        read_address(Target(url_file=file), "notify.webhooks[0]", {})
    assert str(caught.value) == (
        f"notify.webhooks[0].url_file: cannot use {file}: the address does not begin with https:// or http://; "
        "an example is https://hooks.example.org/rotator"
    )


class TestWarnings:
    """What `rotator check` says of all of them."""

    def config(self, folder: Path) -> Config:
        text = """
servers: [{id: 1, name: web, schedule: daily}]
web: {listen: /run/a.sock, token_file: web}
notify:
  check_ins: [{url_file: check-in}]
  webhooks: [{url_file: hook, secret_file: secret}, {url: 'https://a'}]
  apprise: [{url_file: apprise}]
"""
        return parse(text, folder / "c.yaml")

    def test_usable_files_of_mode_0600_give_none(self, tmp_path: Path) -> None:
        for name, content in (
            ("web", SECRET),
            ("check-in", "https://a"),
            ("hook", "http://b"),
            ("secret", SECRET),
            ("apprise", "ntfy://c\nntfy://d"),
        ):
            written(tmp_path / name, content.encode()).chmod(0o600)
        assert secret_findings(self.config(tmp_path), {}) == ((), ())
        (tmp_path / "secret").chmod(0o644)
        _, (told,) = secret_findings(self.config(tmp_path), {})
        assert told == (
            f"notify.webhooks[0].secret_file: every user of this machine may read or change {tmp_path}/secret; "
            "chmod 0600 it"
        )

    def test_a_file_that_only_the_service_has_is_looked_at_there_alone(self, tmp_path: Path) -> None:
        text = (
            "servers: [{id: 1, name: a, schedule: daily}]\nweb: {listen: /s, token_file: $CREDENTIALS_DIRECTORY/web}\n"
        )
        made = parse(text, tmp_path / "c.yaml")
        assert secret_findings(made, {}) == ((), ())
        (told,), _ = secret_findings(made, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
        assert told.startswith("web.token_file: cannot use $CREDENTIALS_DIRECTORY/web: there is no such file")
        written(tmp_path / "web", b"s").chmod(0o644)
        assert secret_findings(made, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == ((), ())

    def test_each_file_that_cannot_be_used_is_told(self, tmp_path: Path) -> None:
        written(tmp_path / "check-in", SECRET.encode())
        written(tmp_path / "apprise", f"{SECRET}\n".encode())
        told, _ = secret_findings(self.config(tmp_path), {})
        assert [line.partition(": ")[0] for line in told] == [
            "web.token_file",
            "notify.check_ins[0].url_file",
            "notify.webhooks[0].url_file",
            "notify.webhooks[0].secret_file",
            "notify.apprise[0].url_file",
        ]
        assert SECRET not in "".join(told)
        assert "the address names no valid host" in told[1]
        assert "the address does not begin with a scheme" in told[4]
