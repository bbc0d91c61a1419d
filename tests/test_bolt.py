"""Locks and turns leave no files behind, and let in no more than one, however they come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from awsassume import folders, removal
from awsassume.bolt import Bolt
from awsassume.lock import Lock
from awsassume.turn import Turn
from tests.bench import COMMAND, Bench, bench
from tests.conftest import need

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bench"]

PLACE = "sessions"


@pytest.fixture
def cache(tmp_path: Path) -> str:
    """Name a cache that isn't there yet."""
    return str(tmp_path / "cache")


def left(cache: str | Path) -> list[str]:
    """Return the files of locks and turns that are there."""
    return sorted(
        name
        for place in removal.FOLDERS
        if os.path.isdir(f"{cache}/{place}")
        for name in os.listdir(f"{cache}/{place}")
        if name.endswith((".lock", ".turn"))
    )


@pytest.mark.slow
def test_sources_that_come_and_go_leave_no_locks(bench: Bench) -> None:
    """One for each temporary source key would be one for each login."""
    bench.aws.add_role("example-role", trust="*")
    for number in range(4):
        bench.take(environ=dict(bench.aws.add_user(f"Bob{number}", allow=["*"]).environ))
    assert len(bench.session_files) == 4
    assert left(bench.cache) == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["unknown", "usage", "refused"])
def test_command_lines_that_fail_leave_no_locks(bench: Bench, fault: str) -> None:
    """Each is another, and nothing is remembered of it."""
    if fault == "refused":
        bench.aws.add_role("example-role", trust="arn:aws:iam::123456789012:user/Alice")
    for number in range(3):
        words = {
            "unknown": [f"no-such-role-{number}"],
            "usage": [f"--no-such-option-{number}"],
            "refused": ["example-role", "--session-name", f"name-{number}"],
        }[fault]
        assert bench.run(*words, code=None).code != 0
    assert left(bench.cache) == []


@pytest.mark.slow
def test_a_holder_that_is_killed_leaves_a_file_that_the_next_one_takes_away(bench: Bench) -> None:
    """Or, where there is no next one, the tidying of the day and --purge."""
    tracing = [need("strace"), "-f", "-qq", "-o", os.devnull, "-e", "trace=flock"]
    tracing += ["-e", "inject=flock:signal=KILL:when=1"]
    killed = bench.run(bench.role.arn, "--format", "env", prefix=tracing, code=None)
    assert killed.code in {-signal.SIGKILL, 128 + signal.SIGKILL}
    assert len(left(bench.cache)) == 1
    bench.run(bench.role.arn, "--format", "env")
    assert left(bench.cache) == []
    for name in ("abc.lock", "def.lock"):
        (bench.cache / PLACE / name).touch(0o600)
        os.utime(bench.cache / PLACE / name, (1, 1))
    with Lock(str(bench.cache), "def", 1):
        (bench.cache / PLACE / ".tidied").unlink()
        bench.take(environ={"AWSASSUME_SESSION_NAME": "other"})
        assert left(bench.cache) == ["def.lock"]
    assert left(bench.cache) == []


def test_who_waited_for_a_file_that_is_gone_goes_on_to_the_one_that_is_there(cache: str) -> None:
    """Two that hold two files of one name would both be let in."""
    first, waiting = Bolt(cache, PLACE, "a.lock"), Bolt(cache, PLACE, "a.lock")
    assert first.take()
    assert not waiting.take()
    first.end()
    newcomer = Bolt(cache, PLACE, "a.lock")
    assert newcomer.take()
    assert not waiting.take()
    newcomer.end()
    assert waiting.take()
    waiting.end()
    assert left(cache) == []


def test_a_purge_takes_no_lock_that_is_held(cache: str) -> None:
    """Nor the file of one who only waits from under another's hands."""
    holder = Bolt(cache, PLACE, "a.lock")
    assert holder.take()
    waiting = Bolt(cache, PLACE, "a.lock")
    removal.everything(cache)
    assert left(cache) == ["a.lock"]
    holder.end()
    # It is nobody's now, though one still has it open.
    newcomer = Bolt(cache, PLACE, "a.lock")
    removal.everything(cache)
    assert left(cache) == []
    assert waiting.take()
    assert not newcomer.take()
    waiting.end()
    assert newcomer.take()
    newcomer.end()


def test_a_word_for_the_next_stays_until_it_is_swept(cache: str) -> None:
    """Who waited reads what was answered meanwhile, and so does who comes a moment later."""
    first, waiting = Turn(cache, "0123abcd"), Turn(cache, "0123abcd")
    first.wait(1)
    first.say("answer")
    first.end()
    waiting.wait(1)
    later = Turn(cache, "0123abcd")
    assert [waiting.said(), later.said()] == ["answer", "answer"]
    waiting.end()
    later.end()
    assert len(left(cache)) == 1
    assert removal.everything(cache) == (0, 1)


@pytest.mark.parametrize("kind", ["symlink", "FIFO", "another user's"])
def test_a_planted_file_is_no_lock(cache: str, tmp_path: Path, kind: str) -> None:
    """It is neither followed nor taken away."""
    folders.make(f"{cache}/{PLACE}")
    path = tmp_path / "cache" / PLACE / "a.lock"
    if kind == "symlink":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "FIFO":
        os.mkfifo(path, 0o600)
    else:
        if os.geteuid():
            pytest.skip("only root can give a file to another user")
        path.touch(0o600)
        os.chown(path, 65534, 65534)
    with Lock(cache, "a", 1) as lock:
        assert not lock.held
        assert "no lock can be had" in lock.reason
    assert os.path.lexists(path)
    assert not (tmp_path / "elsewhere").exists()


COUNTING = """\
import sys
from awsassume import removal
from awsassume.lock import Lock
cache, path, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(times):
    with Lock(cache, "a", 600) as lock:
        assert lock.held, lock.reason
        with open(path) as file:
            count = int(file.read())
        if number % 5 == 0:
            removal.everything(cache)
        with open(path, "w") as file:
            file.write(str(count + 1))
    if number % 7 == 0:
        removal.everything(cache)
"""


def test_many_that_come_and_go_are_let_in_one_at_a_time(cache: str, tmp_path: Path) -> None:
    """Each adds one to a count by reading and writing it, while others wait, come, and purge."""
    count = tmp_path / "count"
    count.write_text("0")
    line = [sys.executable, "-c", COUNTING, cache, str(count), "40"]
    running = [subprocess.Popen(line) for _ in range(6)]
    assert [process.wait() for process in running] == [0] * 6
    assert count.read_text() == "240"
    assert left(cache) == []


@pytest.mark.slow
def test_a_lock_is_had_by_one_of_many_processes_of_the_program(bench: Bench) -> None:
    """Ten that find nothing cost one call, though each but the first waited for a file that its holder took away."""
    running = [
        subprocess.Popen(
            [*COMMAND, bench.role.arn, "--session-name", f"n{number % 2}", "--credential-process"],
            env=bench.environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(10)
    ]
    for process in running:
        bench.good(process.communicate()[0])
    assert bench.counts() == {"AssumeRole": 2}
    assert left(bench.cache) == []
