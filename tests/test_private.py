"""Files that nobody else can read or could have written."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from awsassume import folders, private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set a umask for the test."""
    earlier = os.umask(request.param)
    yield request.param
    os.umask(earlier)


@pytest.mark.usefixtures("umask")
def test_files_are_0600_and_directories_0700_whatever_the_umask(tmp_path: Path) -> None:
    """From their birth, and when they are written again."""
    path = tmp_path / "a/b/file"
    for data in (b"one", b"two", b""):
        folders.write(str(tmp_path / "a"), "b", "file", data)
        assert private.read(str(tmp_path / "a"), "b", "file") == data
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for directory in (tmp_path / "a", tmp_path / "a/b"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["file"]


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    """Neither the file nor the directory."""
    (tmp_path / "a/b").mkdir(mode=0o700, parents=True)
    (tmp_path / "a").chmod(0o700)
    assert private.read(str(tmp_path / "a"), "b", "none") is None
    assert private.read(str(tmp_path / "a"), "none", "none") is None
    assert private.read(str(tmp_path / "none"), "none", "none") is None
    assert folders.opened(str(tmp_path / "none")) is None


def _symlink(path: Path) -> None:
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


SPOILED = {
    "symlink": (_symlink, "is a symlink"),
    "fifo": (_fifo, "is no regular file"),
    "directory": (_directory, "is no regular file"),
    "group can read": (lambda path: path.chmod(0o640), "is open to others; run: chmod"),
    "others can write": (lambda path: path.chmod(0o602), "is open to others; run: chmod"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_file_that_another_could_have_made_or_read_is_not_read(tmp_path: Path, how: str) -> None:
    """Told with its path and what to do; a FIFO blocks nobody."""
    path = tmp_path / "a/b/file"
    folders.write(str(tmp_path / "a"), "b", "file", b"data")
    spoil, told = SPOILED[how]
    spoil(path)
    with pytest.raises(private.UntrustedError, match=told) as refused:
        private.read(str(tmp_path / "a"), "b", "file")
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("how", ["symlink", "open", "file"])
def test_a_directory_that_is_not_ours_alone_is_not_used(tmp_path: Path, how: str) -> None:
    """Neither read from nor written to."""
    place = tmp_path / "cache"
    if how == "symlink":
        (tmp_path / "real").mkdir(0o700)
        place.symlink_to(tmp_path / "real")
    elif how == "open":
        place.mkdir()
        place.chmod(0o770)
    else:
        place.write_text("")
        place.chmod(0o600)
    for use in (folders.opened, folders.make, lambda path: folders.write(path, "a", "b", b"")):
        with pytest.raises(private.UntrustedError):
            use(str(place))
    assert how == "file" or os.listdir(place) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_another_user_s_file_or_directory_is_not_trusted(tmp_path: Path) -> None:
    """Though it is closed to everybody but its owner."""
    cache = str(tmp_path / "cache")
    folders.write(cache, "names", "file", b"data")
    for place in ("cache/names/file", "cache/names", "cache"):
        os.chown(tmp_path / place, 65534, 65534)
        with pytest.raises(private.UntrustedError, match="belongs to another user") as refused:
            private.read(cache, "names", "file")
        assert str(refused.value).startswith(f"{tmp_path / place} belongs")


def test_a_file_larger_than_any_of_ours_is_not_read(tmp_path: Path) -> None:
    """A hundred megabytes in the cache cost nothing."""
    place = (str(tmp_path / "cache"), "names", "file")
    folders.write(*place, b"x" * 100)
    assert private.read(*place, 100) == b"x" * 100
    assert private.read(*place, 99) is None
    os.truncate("/".join(place), 100 << 20)
    assert private.read(*place) is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """What is in the way here is a directory of the file's name."""
    (tmp_path / "file").mkdir()
    (tmp_path / "file/full").touch()
    with pytest.raises(private.UntrustedError, match="is no regular file"):
        folders.replace(str(tmp_path / "file"), b"data")
    assert sorted(os.listdir(tmp_path)) == ["file", "home"]


def test_a_planted_symlink_at_the_temporary_file_s_place_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name can't be guessed; if it could, nothing would be written through it."""
    monkeypatch.setattr(os, "urandom", lambda size: b"\0" * size)
    planted = tmp_path / f"{private.TEMPORARY}{os.getpid()}-00000000"
    planted.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        folders.replace(str(tmp_path / "file"), b"data")
    assert not (tmp_path / "elsewhere").exists()
