"""Killed with -9, wherever it stands: the next call answers, nothing is half read, nothing stays locked, nothing piles up."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from awsassume import private, record, removal
from tests.bench import COMMAND, Bench, bench
from tests.conftest import need

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bench"]

pytestmark = pytest.mark.slow
CALLS = (
    "mkdir",
    "mkdirat",
    "openat",
    "write",
    "fsync",
    "rename",
    "renameat",
    "flock",
    "unlink",
    "unlinkat",
    "fchmod",
    "chmod",
)
INSTANTS = 200
AT_ONCE = 10


class Point(NamedTuple):
    """A system call on the way: which, and the how-manieth of its kind."""

    call: str
    number: int
    line: str


def points(bench: Bench, *words: str) -> list[Point]:
    """Run awsassume once, and return the system calls by which it touches its cache."""
    log = bench.tmp_path / "strace"
    tracing = [need("strace"), "-f", "--seccomp-bpf", "-qq", "-y", "-o", str(log), "-e"]
    bench.run(*words, prefix=[*tracing, f"trace={','.join(CALLS)}"])
    counts: dict[str, int] = {}
    found = []
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"\d+ +(\w+)\(", line)
        if name:
            counts[name[1]] = counts.get(name[1], 0) + 1
            if str(bench.cache) in line:
                found.append(Point(name[1], counts[name[1]], line))
    return found


def check_files(cache: Path) -> None:
    """Assert that every file that would be read is whole."""
    for path in cache.rglob("*"):
        if (
            path.is_file()
            and not path.name.startswith(".")
            and path.suffix not in {".lock", ".turn"}
        ):
            assert record.load(path.read_bytes()) is not None, path


@pytest.mark.parametrize("found", ["nothing", "an expired session"])
def test_it_can_be_killed_at_every_write_rename_and_lock(bench: Bench, found: str) -> None:
    """Before each system call that touches the cache, one after the other: the call after that is as good as ever."""
    words = (bench.role.arn, "--credential-process")
    environ = {"PYTHONDONTWRITEBYTECODE": "1"}
    bench.environ |= environ
    start = bench.tmp_path / "start"
    start.mkdir(mode=0o700)
    if found != "nothing":
        bench.run(*words)
        bench.age(2 * 3600)
        shutil.rmtree(start)
        shutil.copytree(bench.cache, start)

    def again() -> None:
        shutil.rmtree(bench.cache, ignore_errors=True)
        shutil.copytree(start, bench.cache)

    again()
    where = points(bench, *words)
    kinds = {point.call for point in where}
    assert {"openat", "write", "fsync", "flock"} <= kinds
    assert kinds & {"rename", "renameat"}
    assert kinds & {"unlink", "unlinkat"}
    if found != "nothing":
        # What makes the place is the other case's matter.
        where = [point for point in where if point.call in {"write", "fsync", "rename", "flock"}]
    for point in where:
        again()
        inject = f"inject={point.call}:signal=SIGKILL:when={point.number}"
        tracing = [need("strace"), "-f", "-qq", "-o", os.devnull]
        tracing += ["-e", f"trace={point.call}", "-e", inject]
        killed = bench.run(*words, prefix=tracing, code=None)
        assert killed.code in {-signal.SIGKILL, 128 + signal.SIGKILL}, f"{point}\n{killed}"
        check_files(bench.cache)
        after = bench.run(*words, "--verbose")
        bench.good(after.stdout)
        assert "busy" not in after.stderr, f"{point}\n{after}"
        assert "not used" not in after.stderr, f"{point}\n{after}"
        left = bench.leftovers()
        assert len(left) <= 1, f"{point}\n{left}"
        for path in left:
            os.utime(path, (1, 1))
        (bench.cache / "sessions" / ".tidied").unlink(missing_ok=True)
        removal.tidy(str(bench.cache), time.time())
        assert bench.leftovers() == [], point


def test_it_can_be_killed_at_two_hundred_random_instants(bench: Bench) -> None:
    """Ten at once on one cache, each killed when chance wants it, twenty times over; then one that is not."""
    words = (bench.role.arn, "--credential-process")
    bench.run(*words)
    chance = random.Random(20261124)
    killed = 0
    for _ in range(INSTANTS // AT_ONCE):
        bench.age(2 * 3600)
        began = time.monotonic()
        ends = sorted(began + chance.uniform(0.005, 0.9) for _ in range(AT_ONCE))
        running = [
            subprocess.Popen(
                [*COMMAND, *words],
                env=bench.environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(AT_ONCE)
        ]
        for process, end in zip(running, ends, strict=True):
            time.sleep(max(0.0, end - time.monotonic()))
            process.kill()
        killed += sum(process.wait() == -signal.SIGKILL for process in running)
        check_files(bench.cache)
        after = bench.run(*words, "--verbose")
        bench.good(after.stdout)
        assert "busy" not in after.stderr, str(after)
    assert killed > 0
    for path in bench.cache.rglob(f"{private.TEMPORARY}*"):
        os.utime(path, (1, 1))
    (bench.cache / "sessions" / ".tidied").unlink(missing_ok=True)
    bench.run(*words, "--refresh")
    assert bench.leftovers() == []
