"""A token's place is this user's alone, and is tried before anybody is asked to log in."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.test_login import CONFIG, token_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

    Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _sign_on(aws: FakeAws, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the config lie elsewhere, so that `.aws` itself is to be made."""
    aws.sso.interval = 0
    aws.sso.add_role("Developer")
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    shutil.rmtree(home / ".aws")
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)


def modes(top: Path) -> dict[str, int]:
    """Return the mode of each folder and file from `.aws` down, by name, the token's as `token`."""
    found = {path.name: path for path in (top, *top.rglob("*"))}
    return {
        name if path.is_dir() else "token": path.stat().st_mode & 0o777
        for name, path in found.items()
    }


@pytest.mark.parametrize("umask", ["000", "022", "0777"])
@pytest.mark.parametrize("there", [[], [".aws"]], ids=len)
def test_each_folder_is_private(
    home: Path, tmp_path: Path, run: Run, program: str, umask: str, there: list[str]
) -> None:
    """Whatever the umask and however many there are: those that are made are 0700, the others as they were."""
    for name in there:
        (home / name).mkdir(mode=0o755)
        (home / name).chmod(0o755)
    line = f"umask {umask}; exec {program} --login dev --no-open"
    # The cache of sessions has its own tests.
    run(argv=("sh", "-c", line), environ={"AWSASSUME_CACHE_DIR": str(tmp_path)})
    kept = {os.path.basename(name) for name in there}
    assert modes(home / ".aws") == {
        name: 0o600 if name == "token" else 0o755 if name in kept else 0o700
        for name in (".aws", "sso", "cache", "token")
    }


def a_file(home: Path) -> None:
    """Let a file stand where a folder is to be."""
    (home / ".aws").write_text("")


def a_folder(home: Path) -> None:
    """Let a folder stand where the token is to be."""
    token_file(home).mkdir(parents=True)


def a_file_further_down(home: Path) -> None:
    """Let a file stand in place of the last folder."""
    (home / ".aws/sso").mkdir(parents=True)
    (home / ".aws/sso/cache").write_text("")


def a_broken_link(home: Path) -> None:
    """Let a symlink lead nowhere."""
    (home / ".aws").symlink_to(home / "gone/away")


def a_full_device(home: Path) -> None:
    """Let a folder be one in which no file can be made, by root neither."""
    (home / ".aws").mkdir()
    (home / ".aws/sso").symlink_to("/proc/self/fd")


@pytest.mark.parametrize(
    "place",
    [a_file, a_folder, a_file_further_down, a_broken_link, a_full_device],
    ids=lambda place: place.__name__,
)
def test_a_place_that_can_not_be_written_is_told_first(
    aws: FakeAws,
    home: Path,
    run: Run,
    tmp_path: Path,
    place: Callable[[Path], None],
) -> None:
    """Nothing is asked of AWS, and no browser is opened, for a token that could not be kept."""
    place(home)
    script = tmp_path / "browser"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    script.chmod(0o755)
    done = run("--login", "dev", code=4, environ={"BROWSER": str(script)})
    assert "the token can't be kept in " in done.stderr
    assert "check " in done.stderr
    assert not aws.calls()
    assert not (tmp_path / "started").exists()


def test_a_trial_leaves_nothing(home: Path, aws: FakeAws, run: Run) -> None:
    """Neither where the login succeeds nor where it is refused, and an older token stays until there is a new one."""
    token_file(home).parent.mkdir(parents=True)
    token_file(home).write_text("{}")
    aws.sso.approval = "denied"
    run("--login", "dev", "--no-open", code=4)
    assert [path.name for path in token_file(home).parent.iterdir()] == [token_file(home).name]
    assert token_file(home).read_text() == "{}"
    aws.sso.approval = "at-once"
    run("--login", "dev", "--no-open")
    assert [path.name for path in token_file(home).parent.iterdir()] == [token_file(home).name]
    assert token_file(home).read_text() != "{}"
