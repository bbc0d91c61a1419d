"""Where the cache is: platformdirs' place, found without it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import platformdirs
import pytest

from awsassume import paths

if TYPE_CHECKING:
    from pathlib import Path

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere it is platformdirs itself"
)
ENVIRONMENTS: dict[str, dict[str, str]] = {
    "home": {"HOME": "/home/u"},
    "home with a slash": {"HOME": "/home/u/"},
    **({} if os.geteuid() else {"home is the root": {"HOME": "/"}}),
    "XDG": {"HOME": "/home/u", "XDG_CACHE_HOME": "/var/cache/u"},
    "XDG alone": {"XDG_CACHE_HOME": "/var/cache/u"},
    "XDG with a slash": {"HOME": "/home/u", "XDG_CACHE_HOME": "/var/cache/u/"},
    "XDG empty": {"HOME": "/home/u", "XDG_CACHE_HOME": ""},
    "XDG blank": {"HOME": "/home/u", "XDG_CACHE_HOME": "  "},
    "XDG with a tilde": {"HOME": "/home/u", "XDG_CACHE_HOME": "~/c"},
    "XDG relative": {"HOME": "/home/u", "XDG_CACHE_HOME": "cache"},
    "odd characters": {"HOME": "/home/u $(x) 'é'"},
}  # fmt: skip


@linux
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_place_is_that_of_platformdirs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever HOME and XDG_CACHE_HOME hold."""
    environ = ENVIRONMENTS[name]
    for variable in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    found = paths.cache_directory(environ)
    assert found is not None
    assert os.path.normpath(found) == os.path.normpath(platformdirs.user_cache_dir("awsassume"))


@linux
@pytest.mark.parametrize("home", [None, "", "relative"])
def test_without_a_home_there_is_no_cache(home: str | None) -> None:
    """Better none than one below whatever directory one is in."""
    assert paths.cache_directory({} if home is None else {"HOME": home}) is None


def test_a_named_directory_beats_all_and_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of our own below AWSASSUME_CACHE_DIR, relative to where one is."""
    monkeypatch.chdir(tmp_path)
    named = {"HOME": "/home/u", "XDG_CACHE_HOME": "/x", "AWSASSUME_CACHE_DIR": "c"}
    assert paths.cache_directory(named) == str(tmp_path / "c" / "awsassume")


def test_a_relative_one_from_a_directory_that_is_gone_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to be relative to."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert paths.cache_directory({"AWSASSUME_CACHE_DIR": "c"}) is None
    monkeypatch.chdir(tmp_path)
