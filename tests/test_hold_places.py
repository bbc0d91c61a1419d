"""Where the cache can't be written, or must not be believed: the credentials come all the same, and nobody else sees them."""

from __future__ import annotations

import os
import resource
import socket
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from awsassume import record, sessions
from awsassume.credentials import Credentials
from tests.bench import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["bench"]

pytestmark = pytest.mark.slow

NOBODY = 65534
ROLE = "arn:aws:iam::123456789012:role/example-role"
NAMED = ("example-role", "--credential-process")


def is_root() -> bool:
    """Tell whether files can be given to other users here."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


needs_root = pytest.mark.skipif(not is_root(), reason="only root can give files to other users")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return what mounts a small file system in memory with these options; it goes when the test ends."""
    place = tmp_path / "mounted"
    place.mkdir()

    def mounted(options: str) -> Path:
        line = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
        done = subprocess.run(line, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        return place

    yield mounted
    subprocess.run(["umount", str(place)], check=False, capture_output=True)


def fill(place: Path) -> None:
    """Leave not one byte in a file system."""
    with (place / "filling").open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def one_warning(text: str) -> str:
    """Return the one line that was said."""
    (line,) = text.splitlines()
    assert line.startswith("awsassume: ")
    return line


def whole(place: Path) -> dict[str, bytes]:
    """Return what the sessions of a cache hold."""
    return {
        path.name: path.read_bytes()
        for path in (place / "sessions").iterdir()
        if "." not in path.name
    }


def test_a_full_disk_costs_one_warning(bench: Bench, mount: Callable[[str], Path]) -> None:
    """The credentials come without being kept; what was kept is still there, and is used once there is room."""
    place = mount("size=128k,mode=0700")
    here = {"AWSASSUME_CACHE_DIR": str(place / "cache")}
    fill(place)
    result = bench.run(*NAMED, environ=here)
    bench.good(result.stdout)
    assert "can't be kept" in one_warning(result.stderr)
    (place / "filling").unlink()
    bench.take(environ=here)
    kept = whole(place / "cache/awsassume")
    fill(place)
    result = bench.run(*NAMED, "--refresh", environ=here)
    bench.good(result.stdout)
    assert "No space left" in one_warning(result.stderr)
    assert whole(place / "cache/awsassume") == kept
    assert list(place.rglob(".tmp-*")) == []
    bench.aws.log.clear()
    result = bench.run(*NAMED, environ=here)
    bench.good(result.stdout)
    assert result.stderr == ""
    assert bench.counts() == {}


@pytest.mark.parametrize("inodes", range(2, 12))
def test_a_quota_of_inodes_costs_one_warning_at_most(
    bench: Bench, mount: Callable[[str], Path], inodes: int
) -> None:
    """Whichever directory, lock or file is the first that can't be made."""
    place = mount(f"size=1m,mode=0700,nr_inodes={inodes}")
    here = {"AWSASSUME_CACHE_DIR": str(place / "cache")}
    for _ in range(2):
        result = bench.run(bench.role.arn, "--credential-process", environ=here)
        bench.good(result.stdout)
        assert len(result.stderr.splitlines()) <= 1, str(result)
    assert list(place.rglob(".tmp-*")) == []


def test_no_byte_that_can_be_written_costs_one_warning(bench: Bench) -> None:
    """A limit on the size of files, which needs no rights to set, does what a full disk does."""
    limit = resource.RLIMIT_FSIZE
    # What measures coverage writes a file of its own, which this limit would stop as well.
    unmeasured = dict.fromkeys(name for name in os.environ if name.startswith("COVERAGE_"))
    result = bench.run(
        *NAMED, environ=unmeasured, preexec_fn=lambda: resource.setrlimit(limit, (0, 0))
    )
    bench.good(result.stdout)
    assert "File too large" in one_warning(result.stderr)
    assert bench.leftovers() == []


def test_a_cache_that_is_read_only_is_read(bench: Bench, mount: Callable[[str], Path]) -> None:
    """A fresh session is served without a word; to get another costs one warning."""
    place = mount("size=1m,mode=0700")
    here = {"AWSASSUME_CACHE_DIR": str(place / "cache")}
    first = bench.take(environ=here)
    kept = whole(place / "cache/awsassume")
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    result = bench.run(*NAMED, environ=here)
    assert bench.good(result.stdout) == first
    assert result.stderr == ""
    result = bench.run(*NAMED, "--refresh", environ=here)
    assert bench.good(result.stdout) != first
    assert "Read-only file system" in one_warning(result.stderr)
    assert whole(place / "cache/awsassume") == kept


def test_without_a_home_nothing_is_kept_and_that_is_said(bench: Bench) -> None:
    """As in a container's bare environment."""
    homeless = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "AWSASSUME_CACHE_DIR"))
    result = bench.run(*NAMED, environ=homeless)
    bench.good(result.stdout)
    assert "no session is kept" in one_warning(result.stderr)
    assert bench.run(*NAMED, "--no-cache", environ=homeless).stderr == ""


@pytest.mark.parametrize("below", ["", "/below"], ids=["itself", "above it"])
def test_a_file_in_the_cache_s_place_costs_one_warning(bench: Bench, below: str) -> None:
    """It is somebody's file, and stays."""
    place = bench.tmp_path / "file"
    place.write_text("precious")
    place.chmod(0o600)
    result = bench.run(*NAMED, environ={"AWSASSUME_CACHE_DIR": f"{place}{below}"})
    bench.good(result.stdout)
    assert str(place) in one_warning(result.stderr)
    assert place.read_text() == "precious"


# What may stand in place of a file of ours: what makes it, and whether it is a security matter.


def planted_session(path: Path) -> bytes:
    """Return a session for this place that anybody could write: of another's keys."""
    pairs = [
        ("place", f"sessions/{path.name}"),
        ("role_arn", ROLE),
        ("access_key_id", "ASIAPLANTEDPLANTED00"),
        ("secret_access_key", "planted"),
        ("session_token", "planted"),
        ("expiration", "4000000000"),
        ("issued", "1"),
    ]
    return record.dump(pairs)


def symlinked(path: Path) -> None:
    """Move a file away and put a symlink in its place."""
    aside = path.with_name(f"aside-{path.name}.moved")
    path.rename(aside)
    path.symlink_to(aside)


def remade(path: Path, make: Callable[[Path], object]) -> None:
    """Put something else in a file's place."""
    path.unlink()
    make(path)


def socketed(path: Path) -> None:
    """Put a socket in a file's place."""
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)
    path.chmod(0o600)


def enlarged(path: Path) -> None:
    """Let a file be of 100 MB."""
    with path.open("r+b") as file:
        file.truncate(100 << 20)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), ""),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-7]), ""),
    "cut in the first line": (lambda path: path.write_bytes(path.read_bytes()[:9]), ""),
    "random bytes": (lambda path: path.write_bytes(os.urandom(700)), ""),
    "of another version": (
        lambda path: path.write_bytes(
            path.read_bytes().replace(b"awsassume 1 ", b"awsassume 9 ", 1)
        ),
        "",
    ),
    "of no fields": (lambda path: path.write_bytes(record.dump([])), ""),
    "of other fields": (
        lambda path: path.write_bytes(
            record.dump(
                [
                    ("place", f"{path.parent.name}/{path.name}"),
                    *[("__class__", "x"), ("request __class__", "y"), ("target x", "z")],
                ]
            )
        ),
        "",
    ),
    "of 100 MB": (enlarged, ""),
    "0644": (lambda path: path.chmod(0o644), "open to others"),
    "a symlink": (symlinked, "symlink"),
    "a FIFO": (lambda path: remade(path, lambda p: os.mkfifo(p, 0o600)), "no regular file"),
    "a directory": (lambda path: remade(path, lambda p: p.mkdir(0o700)), "no regular file"),
    "a socket": (socketed, ""),
    "another user's": (lambda path: os.chown(path, NOBODY, NOBODY), "another user"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("folder", ["sessions", "recall", "names"])
def test_a_bad_file_is_a_miss(bench: Bench, folder: str, kind: str) -> None:
    """Said once where it is a security matter; never followed, never waited for, never a traceback."""
    if kind == "another user's" and not is_root():
        pytest.skip("only root can give files to other users")
    spoil, said = BAD[kind]
    first = bench.take()
    bench.aws.log.clear()
    for path in (bench.cache / folder).iterdir():
        if "." not in path.name:
            spoil(path)
    before = sorted((bench.cache / folder).glob("aside-*"))
    kept = [path.read_bytes() for path in before]
    # The recall is in front of the names, so that only a fresh look shows these.
    more = {"AWSASSUME_SESSION_NAME": "other"} if folder == "names" else {}
    result = bench.run(*NAMED, environ=more)
    got = bench.good(result.stdout)
    if folder == "sessions":
        assert got != first
        assert bench.counts()["AssumeRole"] == 1
    if folder == "recall":
        assert got == first
        assert bench.counts() == {}
    if said:
        assert said in one_warning(result.stderr)
    else:
        assert len(result.stderr.splitlines()) <= (kind == "a socket")
    # What a symlink pointed to is as it was.
    assert [path.read_bytes() for path in before] == kept
    again = bench.run(*NAMED, environ=more)
    bench.good(again.stdout)
    if kind != "a directory":
        assert again.stderr == ""


ENDS = (sessions.LOCK, sessions.FAILED)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_lock_or_word_stops_nobody(bench: Bench, kind: str) -> None:
    """Without the lock it goes on by itself; what is no word of a failure is none."""
    if kind == "another user's" and not is_root():
        pytest.skip("only root can give files to other users")
    bench.take()
    made = [path.with_name(f"{path.name}{end}") for path in bench.session_files for end in ENDS]
    for path in [*made, *bench.cache.glob("recall/*.turn")]:
        if not path.exists():
            path.touch(0o600)
        BAD[kind][0](path)
    result = bench.run(*NAMED, "--refresh")
    bench.good(result.stdout)
    assert result.stderr == ""


@needs_root
@pytest.mark.parametrize("level", ["cache", "sessions"])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: os.chown(path, NOBODY, NOBODY), id="another user's"),
        pytest.param(lambda path: path.chmod(0o777), id="open to all"),
        pytest.param(lambda path: path.chmod(0o750), id="open to a group"),
        pytest.param(symlinked, id="a symlink"),
    ],
)
def test_a_directory_that_others_could_have_filled_is_not_used(
    bench: Bench, level: str, spoil: Callable[[Path], object]
) -> None:
    """A planted session in it is never served, and nothing is written into it."""
    bench.take()
    place = bench.cache if level == "cache" else bench.cache / "sessions"
    for path in bench.session_files:
        path.write_bytes(planted_session(path))
    before = {path: path.lstat().st_mtime_ns for path in place.rglob("*")}
    spoil(place)
    result = bench.run(*NAMED)
    bench.good(result.stdout)
    assert "not used" in one_warning(result.stderr)
    after = {path: path.lstat().st_mtime_ns for path in place.rglob("*")}
    assert after == before


@needs_root
def test_another_user_s_session_is_never_served(bench: Bench) -> None:
    """A perfect file in the right place, with the right mode, of the wrong owner; then with a hard link's two names."""
    bench.take()
    (path,) = bench.session_files
    path.write_bytes(planted_session(path))
    path.chmod(0o600)
    os.chown(path, NOBODY, NOBODY)
    result = bench.run(*NAMED)
    bench.good(result.stdout)
    assert "another user" in one_warning(result.stderr)
    assert path.stat().st_uid == os.geteuid()


def test_in_a_shared_tmp_a_folder_of_ours_is_made(bench: Bench) -> None:
    """The shared one stays as it is."""
    shared = bench.tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert bench.run(*NAMED, environ={"AWSASSUME_CACHE_DIR": str(shared)}).stderr == ""
    assert [path.name for path in shared.iterdir()] == ["awsassume"]
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert stat.S_IMODE((shared / "awsassume").stat().st_mode) == 0o700


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777], ids=oct)
def test_nobody_else_can_read_what_is_kept_whatever_the_umask(bench: Bench, mask: int) -> None:
    """Directories are 0700 and files 0600, every one that was made, above the cache as well."""
    place = bench.tmp_path / "deep"
    here = {"AWSASSUME_CACHE_DIR": str(place / "a" / "b" / "cache")}
    for words in (NAMED, (*NAMED, "--refresh"), ("no-such-role", "--credential-process")):
        bench.run(*words, environ=here, umask=mask, code=None)
    found = [place, *place.rglob("*")]
    assert len(found) > 8
    for path in found:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} {mode:o}"


def test_a_session_is_kept_and_read_again(tmp_path: Path) -> None:
    """What is written is what is read, and a file under another's name is no session of it."""
    cache = str(tmp_path / "cache")
    credentials = Credentials("ASIA1", "secret", "token", 4_000_000_000, "123456789012")
    sessions.write(cache, "one", sessions.Session(credentials, 3_999_999_000, {"role": "x"}))
    found = sessions.read(cache, "one")
    assert found is not None
    assert (found.credentials.secret_access_key, found.about) == ("secret", {"role": "x"})
    assert sessions.read(cache, "two") is None
