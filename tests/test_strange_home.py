"""As the superuser in somebody's home (`sudo -E`): nothing is kept there, and its owner is not locked out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from awsassume import paths
from tests.bench import Bench, bench
from tests.other_user import NOBODY, STRANGER, acting_as, only_root
from tests.test_login import CONFIG

__all__ = ["bench"]

pytestmark = only_root
NAMED = ("example-role", "--credential-process")
SUDO: dict[str, str | None] = {"AWSASSUME_CACHE_DIR": None, "XDG_CACHE_HOME": None}


def given(bench: Bench, user: int = NOBODY) -> None:
    """Give the home to another user, with all that is in it."""
    for path in (bench.home, *bench.home.rglob("*")):
        os.chown(path, user, user)


def owners(bench: Bench) -> set[int]:
    """Return whose the files of the home are."""
    return {path.lstat().st_uid for path in (bench.home, *bench.home.rglob("*"))}


@pytest.mark.slow
def test_nothing_is_kept_in_another_user_s_home(bench: Bench) -> None:
    """The credentials come; why they are not kept is said under --verbose alone."""
    given(bench)
    for words in (
        NAMED,
        ("example-role", "--format", "env"),
        ("--purge", "example-role"),
        ("--list",),
    ):
        bench.run(*words, environ=SUDO)
    assert owners(bench) == {NOBODY}
    assert not (bench.home / ".cache").exists()
    assert bench.run(*NAMED, environ=SUDO).stderr == ""
    said = bench.run("example-role", "--verbose", "--format", "env", environ=SUDO).stderr
    assert f"no session is kept: HOME={bench.home} is another user's" in said


def test_what_its_owner_keeps_is_neither_read_nor_purged(bench: Bench) -> None:
    """Nor is it called untrusted, which would have its owner's files removed."""
    bench.run(*NAMED, environ=SUDO)
    given(bench)
    before = sorted(bench.home.rglob("*"))
    bench.aws.log.clear()
    result = bench.run(*NAMED, environ=SUDO)
    assert result.stderr == ""
    assert bench.counts()["AssumeRole"] == 1
    assert f"HOME={bench.home} is another user's" in bench.run("--purge", environ=SUDO).stderr
    assert sorted(bench.home.rglob("*")) == before


@pytest.mark.parametrize("below", [".cache", "caches/deep"], ids=["there", "not there yet"])
def test_nor_in_another_user_s_folder_of_caches(bench: Bench, below: str) -> None:
    """HOME may have been set while XDG_CACHE_HOME was not."""
    theirs = bench.tmp_path / "theirs"
    (theirs / ".cache").mkdir(parents=True)
    for path in (theirs, theirs / ".cache"):
        os.chown(path, NOBODY, NOBODY)
    environ = {**SUDO, "XDG_CACHE_HOME": str(theirs / below)}
    said = bench.run("example-role", "--verbose", "--format", "env", environ=environ).stderr
    assert f"no session is kept: XDG_CACHE_HOME={theirs / below} is another user's" in said
    assert [path.name for path in theirs.rglob("*")] == [".cache"]


def test_a_place_that_is_named_is_used(bench: Bench) -> None:
    """Whoever the home belongs to."""
    given(bench)
    bench.take()
    bench.aws.log.clear()
    bench.take()
    assert bench.counts() == {}
    assert owners(bench) == {NOBODY}


def test_one_s_own_home_is_used(bench: Bench) -> None:
    """As ever."""
    bench.take(environ=SUDO)
    assert (bench.home / ".cache/awsassume/sessions").is_dir()


@pytest.mark.parametrize(
    "owner, kept",
    [(NOBODY, True), (STRANGER, False), (0, False)],
    ids=["one's own", "another's", "the superuser's"],
)
def test_the_effective_user_decides(owner: int, kept: bool) -> None:
    """For a user who is not the superuser too; in a folder that all can reach, as those of tests are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        Path(home).chmod(0o711)
        os.chown(home, owner, owner)
        with acting_as(NOBODY):
            found = paths.cache_directory({"HOME": home})
        assert (found == f"{home}/.cache/awsassume") is kept
        assert (paths.cache_directory({"HOME": home}) is None) is (owner != 0)


def test_a_home_that_is_not_there_yet_and_one_below_the_superuser_s_are_one_s_own(
    tmp_path: Path,
) -> None:
    """As /var/cache/NAME is, before a service has made it."""
    assert paths.cache_directory({"HOME": str(tmp_path / "none")}) is not None
    environ = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": "/var/cache/none"}
    assert paths.cache_directory(environ) == "/var/cache/none/awsassume"
    with acting_as(NOBODY):
        assert paths.cache_directory({"XDG_CACHE_HOME": "/var/cache/none"}) is not None


def test_no_token_is_left_in_another_user_s_home(bench: Bench) -> None:
    """It would be the superuser's, and in the way of the owner's own login; nobody is asked to log in for it."""
    bench.aws.sso.add_role("Developer")
    bench.config_file.write_text(CONFIG)
    given(bench)
    said = bench.run("--login", "dev", "--no-open", environ=SUDO, code=4)
    assert f"HOME={bench.home} is another user's" in said.stderr
    assert said.stdout == ""
    assert bench.aws.calls("RegisterClient") == []
    assert owners(bench) == {NOBODY}
    for path in (bench.home, *bench.home.rglob("*")):
        os.chown(path, 0, 0)
    bench.run("--login", "dev", "--no-open", environ=SUDO)
    assert owners(bench) == {0}
