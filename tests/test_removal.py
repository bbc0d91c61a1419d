"""What is removed is ours by name, kind, owner and head; whatever else lies there stays."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from awsassume import folders, private, record, removal
from tests.bench import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["bench"]

LONG_AGO = time.time() - 400 * 24 * 3600
NAMED = ("example-role", "--credential-process")
OURS = record.dump([("role_arn", "arn:aws:iam::123456789012:role/x")])
KEY = "0123456789abcdef0123456789abcdef01234567"


def put(path: Path, data: bytes = b"precious") -> Path:
    """Make a file, and the folders above it, that nobody has touched for a year."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def untidied(bench: Bench) -> None:
    """Let the next session that is kept be the first of its day."""
    (bench.cache / "sessions/.tidied").unlink(missing_ok=True)


def everything(place: Path) -> dict[str, bytes | None]:
    """Return what is below a folder: each file with what it holds."""
    return {
        str(path): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in sorted(place.rglob("*"))
    }


FOREIGN = (
    ".ssh/id_ed25519",
    ".aws/cli/alias",
    ".aws/config.d/work",
    "sessions/term.log",
    f"sessions/{KEY}",
    "sessions/.tmp-draft",
    "recall/notes",
    "names/cafe",
    "recent/.tmp-1-0123abcd",
    "completion/bash",
    "completion",
    ".tmp-1-0123abcd",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["", "awsassume/"], ids=["the named folder", "a folder of our name"]
)
def test_what_others_keep_where_the_cache_is_told_to_be_stays(bench: Bench, place: str) -> None:
    """Older than any file of ours, in folders of the names of ours, by names of ours: it was not made by us."""
    named = bench.tmp_path / "anywhere"
    for name in FOREIGN:
        path = named / place / name
        if not path.is_dir() and not path.parent.is_file():
            put(path)
    (named / place).chmod(0o700)
    (named / place / ".gnupg").mkdir(mode=0o700)
    here = os.getcwd()
    os.chdir(named / place / ".gnupg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("S.gpg-agent")
    os.chdir(here)
    os.utime(named / place / ".gnupg/S.gpg-agent", (LONG_AGO, LONG_AGO))
    before = everything(named)
    environ = {"AWSASSUME_CACHE_DIR": str(named)}
    bench.cache = named / "awsassume"
    for words in (NAMED, (*NAMED, "--refresh"), ("--purge",), ("--purge", "example-role"), NAMED):
        untidied(bench)
        bench.run(*words, environ=environ)
        after = everything(named)
        assert {path: after.get(path, "gone") for path in before} == before, words


def test_everything_of_ours_is_below_a_folder_of_our_name(bench: Bench) -> None:
    """What AWSASSUME_CACHE_DIR names gets that folder and nothing else, and keeps its mode."""
    named = bench.tmp_path / "shared"
    named.mkdir()
    named.chmod(0o755)
    environ = {"AWSASSUME_CACHE_DIR": str(named)}
    assert bench.run(*NAMED, environ=environ).stderr == ""
    bench.run("--complete", "bash", "--", "", environ=environ)
    assert [path.name for path in named.iterdir()] == ["awsassume"]
    assert {path.name for path in (named / "awsassume").iterdir()} <= set(removal.FOLDERS)
    assert named.stat().st_mode & 0o777 == 0o755


def test_the_hint_to_close_a_folder_is_about_one_of_ours(bench: Bench) -> None:
    """A checkout of that name is not to be closed; another place is named."""
    named = bench.tmp_path / "src"
    put(named / "awsassume/pyproject.toml")
    (named / "awsassume").chmod(0o755)
    result = bench.run(*NAMED, environ={"AWSASSUME_CACHE_DIR": str(named)})
    bench.good(result.stdout)
    assert "chmod" not in result.stderr
    assert "set AWSASSUME_CACHE_DIR to another folder" in result.stderr
    (named / "awsassume/pyproject.toml").unlink()
    result = bench.run(*NAMED, environ={"AWSASSUME_CACHE_DIR": str(named)})
    assert f"run: chmod go-rwx {named}/awsassume" in result.stderr


@pytest.mark.slow
def test_a_purge_without_a_role_takes_all_of_ours_and_says_how_many(bench: Bench) -> None:
    """Sessions, what is remembered, the names for Tab, and what killed processes left."""
    bench.take()
    bench.run("--complete", "bash", "--", "")
    put(bench.cache / f"sessions/{KEY}.failed", OURS)
    put(bench.cache / f"sessions/{KEY}.lock", b"")
    put(bench.cache / "recall/abc.turn", b"")
    put(bench.cache / "names/.tmp-999999999-0123abcd", OURS)
    foreign = put(bench.cache / "recall/mine.txt")
    ours = [path for path in bench.cache.rglob("*") if path.is_file() and path != foreign]
    assert {path.parent.name for path in ours} == set(removal.FOLDERS)
    said = bench.run("--purge").stdout
    assert said == f"forgot 1 session and {len(ours) - 1} other files\n"
    assert [path for path in bench.cache.rglob("*") if path.is_file()] == [foreign]
    again = json.loads(bench.run("--purge", "--json").stdout)
    assert again == {"Purged": 0, "OtherFiles": 0}


def test_what_is_being_written_or_held_stays(bench: Bench) -> None:
    """By a process that lives: its file would be gone under its hands."""
    bench.take()
    writing = put(bench.cache / f"sessions/.tmp-{os.getpid()}-0123abcd", OURS)
    held = put(bench.cache / f"sessions/{KEY}.lock", b"")
    with held.open("r+b") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        bench.run("--purge")
        assert [writing.exists(), held.exists()] == [True, True]
    bench.run("--purge")
    assert not held.exists()


SWEPT: dict[str, tuple[str, bytes]] = {
    "a session": (f"sessions/{KEY}", OURS),
    "a sealed session": (f"sessions/{KEY}", b"awsassume sealed 1\n\0\1\2"),
    "one of another version": (f"sessions/{KEY}", b"awsassume 7 ab\nx"),
    "word of a failure": (f"sessions/{KEY}.failed", OURS),
    "a lock": (f"sessions/{KEY}.lock", b""),
    "the keyring's lock": ("sessions/keyring.lock", b""),
    "a turn": ("recall/ab12.turn", b""),
    "a turn with a word": ("recall/ab12.turn", OURS),
    "what was remembered": ("recall/ab12", OURS),
    "a name": (f"names/{KEY}", OURS),
    "a use": ("recent/ab12", OURS),
    "a temporary file": ("recent/.tmp-1-0123abcd", OURS),
    "an empty temporary file": ("names/.tmp-1-0123abcd", b""),
}
KEPT: dict[str, tuple[str, bytes]] = {
    "another head": (f"sessions/{KEY}", b"secret plans"),
    "a head that only begins like ours": (f"sessions/{KEY}", b"awsassume notes, 1 of 2\n"),
    "another name": ("recall/notes", OURS),
    "a name with more behind it": (f"sessions/{KEY}.orig", OURS),
    "a temporary file of others": ("sessions/.tmp-x", OURS),
    "an empty file of others": (f"names/{KEY}", b""),
    "another folder": (f"private/{KEY}", OURS),
    "no folder": (KEY, OURS),
    "a deeper folder": (f"sessions/old/{KEY}", OURS),
}


def prune(cache: str) -> None:
    """Leave as few files as may be."""
    for place in removal.FOLDERS:
        removal.prune(cache, place, 0, 0)


WAYS: dict[str, Callable[[str], object]] = {
    "tidy": lambda cache: removal.tidy(cache, time.time()),
    "purge": removal.everything,
    "prune": prune,
}


@pytest.mark.parametrize("kind", SWEPT)
@pytest.mark.parametrize("way", ["tidy", "purge"])
def test_an_old_file_of_ours_goes(tmp_path: Path, way: str, kind: str) -> None:
    """Whatever its kind, and whichever way."""
    name, data = SWEPT[kind]
    cache = tmp_path / "cache"
    folders.make(str(cache / "sessions"))
    path = put(cache / name, data)
    path.parent.chmod(0o700)
    if name.startswith("recent/.tmp-1-"):
        # Process 1 lives: only its age tells that nothing is being written.
        way = "tidy"
    WAYS[way](str(cache))
    assert path.exists() == ("tmp-1-" in name and way == "purge")


@pytest.mark.parametrize("kind", KEPT)
@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_is_not_ours_stays(tmp_path: Path, way: str, kind: str) -> None:
    """Though it is this user's, private, and a year old."""
    name, data = KEPT[kind]
    cache = tmp_path / "cache"
    folders.make(str(cache / "sessions"))
    path = put(cache / name, data)
    WAYS[way](str(cache))
    assert path.read_bytes() == data


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["symlink", "FIFO", "directory", "socket", "symlink of a folder"])
def test_what_is_no_regular_file_stays(tmp_path: Path, way: str, kind: str) -> None:
    """Nor is a symlink followed, to a file of our head or to a folder of such files."""
    cache = tmp_path / "cache"
    folders.make(str(cache / "sessions"))
    real = put(tmp_path / "elsewhere" / KEY, OURS)
    path = cache / "sessions" / KEY
    if kind == "symlink":
        path.symlink_to(real)
    elif kind == "FIFO":
        os.mkfifo(path, 0o600)
    elif kind == "directory":
        put(path / "file", OURS)
    elif kind == "socket":
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    else:
        path = cache / "names"
        path.symlink_to(real.parent)
    os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    try:
        WAYS[way](str(cache))
    except private.UntrustedError:
        assert kind == "symlink of a folder"
    assert os.path.lexists(path)
    assert real.read_bytes() == OURS


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize("way", WAYS)
def test_another_user_s_file_stays(tmp_path: Path, way: str) -> None:
    """By whatever name and head."""
    cache = tmp_path / "cache"
    folders.make(str(cache / "sessions"))
    path = put(cache / "sessions" / KEY, OURS)
    os.chown(path, 65534, 65534)
    WAYS[way](str(cache))
    assert path.exists()


def test_a_folder_with_too_many_files_loses_the_oldest_of_ours(tmp_path: Path) -> None:
    """Those of others are neither taken nor a reason to take more."""
    cache = tmp_path / "cache"
    folders.make(str(cache / "recall"))
    for number in range(20):
        path = put(cache / f"recall/{number:x}", OURS)
        os.utime(path, (LONG_AGO + number, LONG_AGO + number))
    removal.prune(str(cache), "recall", 20, 10)
    assert len(list((cache / "recall").iterdir())) == 20
    foreign = put(cache / "recall/zzz")
    removal.prune(str(cache), "recall", 19, 10)
    left = {path.name for path in (cache / "recall").iterdir()} - {foreign.name}
    assert left == {f"{number:x}" for number in range(10, 20)}
