"""What is left on disk of a failure, for those who wait for the same: its kind and code, and no other program's words."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from awsassume import errors, sessions
from tests.aws_files import lines_of, write
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"
MFA = "arn:aws:iam::123456789012:mfa/bob"
SECRET = "hunter2-and-more"

# A key of the source's profile, its command, and what a person is told of it.
PROGRAMS = {
    "credential_process, on stderr": ("credential_process", f"echo {SECRET} >&2; exit 3", SECRET),
    "credential_process, many lines": (
        "credential_process",
        f"echo first; echo the {SECRET}; echo {SECRET} it is >&2; exit 1",
        f"{SECRET} it is",
    ),
    "credential_process, no JSON": (
        "credential_process",
        f"echo {SECRET}",
        "printed no credentials that can be read",
    ),
    "credential_process, JSON without credentials": (
        "credential_process",
        f'echo \'{{"Version": 2, "SecretAccessKey": "{SECRET}"}}\'',
        "can't be had",
    ),
    "credential_process, bytes": (
        "credential_process",
        f"printf '\\377{SECRET}' >&2; exit 1",
        "printed no credentials that can be read",
    ),
    "credential_process, its words": (
        "credential_process",
        f"exit 1 # --token {SECRET}",
        "can't be had",
    ),
    "credential_process, in our name": (
        "credential_process",
        f"echo 'awsassume: no {SECRET}' >&2; exit 4",
        f"no {SECRET}",
    ),
    "mfa_process, on stderr": ("mfa_process", f"echo {SECRET} >&2; exit 2", "exit code 2"),
    "mfa_process, its words": ("mfa_process", f": --pin {SECRET}; exit 5", "exit code 5"),
    "mfa_process, no code": ("mfa_process", f"echo {SECRET}", "no code of six digits"),
}


def programs(home: Path, bob: Keys, key: str, command: str) -> None:
    """Write the profile `example`, whose source has such a program, and `own`, which has it itself."""
    line = f"{key} = sh -c {shlex.quote(command)}\n"
    if key == "mfa_process":
        line += f"mfa_serial = {MFA}\n"
    own = f"[profile own]\n{line}" if key == "credential_process" else ""
    role = f"[profile example]\nrole_arn = {ROLE}\nsource_profile = bob\n"
    source = f"[profile bob]\n{line}" if key == "credential_process" else line
    keys = f"[bob]\n{lines_of(bob)}" if key == "mfa_process" else ""
    write(home, f"{role}{source}{own}", keys)


@pytest.mark.parametrize("case", PROGRAMS)
def test_what_a_program_said_is_shown_and_not_written_down(
    home: Path, bob: Keys, tmp_path: Path, run: Callable[..., Result], case: str
) -> None:
    """For a role behind it, and for the profile's own credentials; word of the kind is left all the same."""
    key, command, told = PROGRAMS[case]
    programs(home, bob, key, command)
    for words in (["example"], ["own"]) if key == "credential_process" else (["example"],):
        said = run(*words, code=4)
        assert told in said.stderr
    failures = [path.read_bytes() for path in (tmp_path / "cache").rglob("*.failed")]
    assert failures
    for kept in failures:
        assert SECRET.encode() not in kept
        assert b"exit_code\x004\x00" in kept


@pytest.mark.slow
def test_those_who_waited_hear_of_the_failure_and_not_of_the_words(
    home: Path, bob: Keys, tmp_path: Path, program: str
) -> None:
    """All end alike, for one run of the program, whose words are in the message of the one that ran it."""
    count, go = tmp_path / "count", tmp_path / "go"
    wait = f"while ! [ -e {go} ]; do sleep 0.1; done"
    command = f"echo x >> {count}; {wait}; echo {SECRET} >&2; exit 3"
    programs(home, bob, "credential_process", command)

    def one(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, "example"], check=False, capture_output=True, text=True)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(one, number) for number in range(4)]
        assert eventually(count.exists)
        time.sleep(1)
        go.touch()
        ended = [one.result() for one in running]
    assert {done.returncode for done in ended} == {4}
    assert {done.stdout for done in ended} == {"false;\n"}
    assert all('the credentials of profile "bob" can\'t be had' in done.stderr for done in ended)
    # On a machine that is too busy some come later, and ask for themselves.
    runs = count.read_text().count("x")
    assert sum(SECRET in done.stderr for done in ended) == runs


def test_aws_s_own_code_and_words_are_left(
    aws: FakeAws, bob: Keys, run: Callable[..., Result], tmp_path: Path
) -> None:
    """They say what to do, and hold no secret."""
    del bob
    aws.add_role("example-role", trust="arn:aws:iam::123456789012:user/Alice")
    run("example", code=5)
    (kept,) = [path.read_bytes() for path in (tmp_path / "cache").rglob("*.failed")]
    assert b"code\0AccessDenied\0" in kept
    assert b"is not authorized to perform: sts:AssumeRole" in kept


@pytest.mark.parametrize(
    "message, hint, quotes, kept",
    [
        ("ours", "do this", (), ("ours", "do this")),
        ("it said: theirs", "do this", ("theirs",), ("it said: …", "do this")),
        ("it said: theirs", "try it: cmd x", ("theirs", "cmd x"), ("it said: …", "")),
        ("theirs, and theirs again", None, ("theirs", None, ""), ("…, and … again", "")),
    ],
)
def test_quotes_are_left_out(
    cache_of_its_own: str,
    message: str,
    hint: str | None,
    quotes: tuple[str | None, ...],
    kept: tuple[str, str],
) -> None:
    """And the hint with them, where it names what was said; kind and code stay."""
    failure = errors.SourceFailure(message, hint, quotes=quotes)
    now = time.time()
    sessions.fail(cache_of_its_own, "k", failure, now)
    found = sessions.failure_since(cache_of_its_own, "k", now - 1, now + 1)
    assert isinstance(found, errors.SourceFailure)
    assert (found.message, found.hint or "") == kept
    assert failure.message == message


@pytest.fixture
def cache_of_its_own(tmp_path: Path) -> str:
    """Give a folder for sessions."""
    folder = tmp_path / "kept"
    os.mkdir(folder, 0o700)
    return str(folder)
