"""A folder above the cache that is swapped at any moment of a run gives nothing and gets nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsassume import folders, private, record
from tests.bench import MAIN, Bench, bench

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bench"]

NOBODY = 65534
# Swaps two folders before the so-manieth time that the program is about to touch a file, and says how many times there were.
SWAP = """\
import os, sys
main, moment, here, planted, aside, log = sys.argv[1], int(sys.argv[2]), *sys.argv[3:7]
sys.argv[:7] = [main]
touched = swapped = 0
def hook(event, arguments):
    global touched, swapped
    if swapped == 1 or not arguments or not isinstance(arguments[0], (str, int)):
        return
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.listdir", "os.scandir", "os.chmod"):
        path = str(arguments[0])
        if path.startswith("/") and not path.startswith(here):
            return
        touched += 1
        os.pwrite(descriptor, str(touched).encode(), 0)
        if touched == moment:
            swapped = 1
            os.rename(here, aside)
            os.rename(planted, here)
            swapped = 2
descriptor = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
sys.addaudithook(hook)
with open(main) as file:
    code = compile(file.read(), main, "exec")
exec(code, {"__name__": "__main__", "__file__": main, "__package__": ""})
"""


class Swap:
    """A cache, and another folder that will be put in its place."""

    def __init__(self, bench: Bench) -> None:
        """Let the role be held."""
        self.bench = bench
        bench.take()
        self.planted = bench.cache.parent / "planted"
        self.aside = bench.cache.parent / "aside"

    def plant(self, *, session: bytes | None, owner: int | None) -> None:
        """Put the folder there: open to others, or another's, with a session by the name of the one that is held."""
        for place in ("sessions", "recall", "names", "recent"):
            (self.planted / place).mkdir(mode=0o700, parents=True)
        for path in self.bench.session_files if session else []:
            copy = self.planted / "sessions" / path.name
            copy.write_bytes(session or b"")
            copy.chmod(0o600)
        self.planted.chmod(0o755)
        if owner is not None:
            for path in (self.planted, *self.planted.rglob("*")):
                path.chmod(0o777)
                os.chown(path, owner, owner)

    def run(self, moment: int, *words: str) -> tuple[str, int]:
        """Run the program, swap before that moment; return what it printed, and how many moments there were."""
        log = self.bench.tmp_path / "moments"
        log.unlink(missing_ok=True)
        line = [sys.executable, "-I", "-S", "-c", SWAP, MAIN, str(moment)]
        line += [str(self.bench.cache), str(self.planted), str(self.aside), str(log)]
        done = subprocess.run(
            [*line, *words], env=self.bench.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, int(log.read_text())

    def back(self) -> None:
        """Put both where they were."""
        if self.aside.exists():
            self.bench.cache.rename(self.planted)
            self.aside.rename(self.bench.cache)


def tree(place: Path) -> dict[str, tuple[int, int]]:
    """Return what is in a folder, with the times of its folders: a file that came and went shows in them."""
    return {
        str(path.relative_to(place)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in (place, *place.rglob("*"))
    }


def forged() -> bytes:
    """Return a session that the tests' AWS has not given."""
    return record.dump(
        [
            ("access_key_id", "ASIAPLANTEDPLANTED00"),
            ("secret_access_key", "planted"),
            ("session_token", "planted"),
            ("expiration", "4000000000"),
            ("issued", "1"),
        ]
    )


def moments(swap: Swap, words: list[str], most: int) -> Iterator[int]:
    """Run to each moment in turn, or to so many of them, the first and the last among these."""
    _, count = swap.run(0, *words)
    step = max(1, -(-count // most))
    for moment in sorted({*range(1, count + 1, step), count}):
        yield moment
        swap.back()


@pytest.mark.slow
def test_a_folder_swapped_at_any_moment_of_a_hit_gives_nothing(bench: Bench) -> None:
    """Though each file in it is this user's own, private, and by the right name; as those of an old copy are."""
    swap = Swap(bench)
    swap.plant(session=forged(), owner=None)
    seen = 0
    for moment in moments(swap, ["example-role", "--credential-process"], 12):
        bench.aws.log.clear()
        said, _ = swap.run(moment, "example-role", "--credential-process")
        assert json.loads(said)["AccessKeyId"] != "ASIAPLANTEDPLANTED00", moment
        bench.good(said)
        seen += swap.aside.exists()
    assert seen >= 6


@pytest.mark.slow
@pytest.mark.parametrize("owner", ["another", "open to others"])
def test_a_folder_swapped_at_any_moment_of_a_miss_gets_nothing(bench: Bench, owner: str) -> None:
    """No session, no lock, no name of a role: nothing is written where another could take it from."""
    if owner == "another" and os.geteuid():
        pytest.skip("only root can give a folder to another user")
    swap = Swap(bench)
    swap.plant(session=None, owner=NOBODY if owner == "another" else None)
    before = tree(swap.planted)
    words = ["example-role", "--refresh", "--credential-process"]
    seen = 0
    for moment in moments(swap, words, 5):
        said, _ = swap.run(moment, *words)
        bench.good(said)
        if swap.aside.exists():
            seen += 1
            after = tree(bench.cache)
            assert after == before, moment
    assert seen >= 4


def test_an_open_folder_is_gone_on_from_whatever_its_path_names(tmp_path: Path) -> None:
    """What is read, written, listed and removed is in the one that was looked at."""
    cache = tmp_path / "cache"
    folders.write(str(cache), "sessions", "a", b"ours")
    folders.write(str(tmp_path / "planted"), "sessions", "a", b"planted")
    with folders.made(str(cache), "sessions") as folder:
        cache.rename(tmp_path / "aside")
        (tmp_path / "planted").rename(cache)
        assert folder.read("a") == b"ours"
        folder.replace("b", b"new")
        assert sorted(folder.names()) == ["a", "b"]
        folder.unlink("a")
    assert os.listdir(tmp_path / "aside/sessions") == ["b"]
    assert os.listdir(cache / "sessions") == ["a"]


@pytest.mark.parametrize("kind", ["symlink", "another user's"])
def test_a_folder_that_appears_while_ours_is_made_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whoever may write above it can be quicker: it is looked at once it is open."""
    if kind != "symlink" and os.geteuid():
        pytest.skip("only root can give a folder to another user")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    elsewhere.chmod(0o755)
    real = os.mkdir

    def mkdir(path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        monkeypatch.setattr(os, "mkdir", real)
        if kind == "symlink":
            os.symlink(elsewhere, tmp_path / "cache")
        else:
            real(tmp_path / "cache", 0o700)
            os.chown(tmp_path / "cache", NOBODY, NOBODY)
        real(path, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with pytest.raises(
        private.UntrustedError, match="symlink" if kind == "symlink" else "another user;"
    ):
        folders.write(str(tmp_path / "cache"), "sessions", "a", b"data")
    assert os.listdir(elsewhere) == []
    assert elsewhere.stat().st_mode & 0o777 == 0o755
    assert not any(Path(tmp_path, "cache").iterdir())


@pytest.mark.parametrize("mask", [0o000, 0o777], ids=oct)
def test_a_folder_is_private_from_its_birth(tmp_path: Path, mask: int) -> None:
    """No mode is given to it later, by a name that may stand for another then; the caller's umask is as it was."""
    earlier = os.umask(mask)
    try:
        folders.make(str(tmp_path / "a/b/c"))
    finally:
        assert os.umask(earlier) == mask
    for place in ("a", "a/b", "a/b/c"):
        assert (tmp_path / place).stat().st_mode & 0o777 == 0o700
