"""--purge: sessions are forgotten, all or those of one role, whoever else is reading."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import assumed, lines_of, write
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws


@pytest.fixture
def held(aws: FakeAws, home: Path, run: Callable[..., Result]) -> dict[str, str]:
    """Hold sessions of three roles: by a profile, by a name under a path, and by an ARN; and give the environment."""
    bob = aws.add_user("Bob")
    roles = {
        "alpha": aws.add_role("alpha", trust=bob),
        "beta": aws.add_role("beta", trust=bob, path="/team/"),
        "gamma": aws.add_role("gamma", trust="*", account="210987654321"),
    }
    config = f"[profile first]\nrole_arn = {roles['alpha'].arn}\nsource_profile = default\n"
    write(home, config, f"[default]\n{lines_of(bob)}")
    environ = aws.environ()
    for role in ("first", "beta", roles["gamma"].arn):
        run(role, environ=environ)
    aws.log.clear()
    return environ


def left(aws: FakeAws, run: Callable[..., Result], environ: dict[str, str]) -> list[str]:
    """Give the roles that are still answered without a call to AWS."""
    words = {"alpha": "first", "beta": "beta", "gamma": "arn:aws:iam::210987654321:role/gamma"}
    found = []
    for name, word in words.items():
        aws.log.clear()
        run(word, environ=environ)
        if not aws.calls():
            found.append(name)
    return found


def test_all_sessions_are_forgotten_and_counted(
    aws: FakeAws, run: Callable[..., Result], held: dict[str, str]
) -> None:
    """The next use of each asks AWS, and the name that was looked up is looked up again."""
    cache = Path(os.environ["AWSASSUME_CACHE_DIR"], "awsassume")
    others = sum(path.is_file() for path in cache.rglob("*")) - 3
    said = f"forgot 3 sessions and {others} other files\n"
    assert run("--purge", environ=held).stdout == said
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    assert run("--purge", environ=held).stdout == "forgot 0 sessions\n"
    run("beta", environ=held)
    assert [call.action for call in aws.calls()] == ["GetCallerIdentity", "ListRoles", "AssumeRole"]
    assert left(aws, run, held) == ["beta"]


@pytest.mark.parametrize(
    "word, gone",
    [
        ("first", "alpha"),
        ("alpha", "alpha"),
        ("beta", "beta"),
        ("team/beta", "beta"),
        ("123456789012:beta", "beta"),
        ("arn:aws:iam::123456789012:role/team/beta", "beta"),
        ("210987654321:gamma", "gamma"),
        ("arn:aws:iam::210987654321:role/gamma", "gamma"),
    ],
)
def test_one_role_is_forgotten_by_profile_name_or_arn(
    aws: FakeAws, run: Callable[..., Result], held: dict[str, str], word: str, gone: str
) -> None:
    """The others stay."""
    assert run("--purge", word, environ=held).stdout == f"forgot 1 session of {word}\n"
    assert left(aws, run, held) == [name for name in ("alpha", "beta", "gamma") if name != gone]


def test_a_role_that_was_never_held_forgets_nothing(
    aws: FakeAws, run: Callable[..., Result], held: dict[str, str]
) -> None:
    """It is no error: what was asked for is so."""
    assert json.loads(run("--purge", "delta", "--json", environ=held).stdout) == {"Purged": 0}
    assert left(aws, run, held) == ["alpha", "beta", "gamma"]


def test_config_files_that_cannot_be_read_keep_no_session(
    home: Path, run: Callable[..., Result], held: dict[str, str]
) -> None:
    """A purge is wanted most when something is broken."""
    (home / ".aws/config").write_text("[profile first\nthis is no config file")
    assert run("--purge", "first", environ=held).stdout == "forgot 1 session of first\n"


def test_damaged_and_left_over_files_go_too(
    run: Callable[..., Result], held: dict[str, str]
) -> None:
    """Half a session is counted as a file, and so is what a process left that was killed while it wrote or waited."""
    sessions = Path(os.environ["AWSASSUME_CACHE_DIR"], "awsassume") / "sessions"
    before = json.loads(run("--purge", "--json", environ=held).stdout)
    assert before["Purged"] == 3
    left = ("feedbeef", "feedbeef.failed", ".tmp-999999999-0123abcd")
    for name in left:
        (sessions / name).write_bytes(b"awsassume 1 12ab\nhalf a sess")
    (sessions / "feedbeef.lock").touch()
    said = json.loads(run("--purge", "--json", environ=held).stdout)
    assert said == {"Purged": 0, "OtherFiles": 4}
    assert list(sessions.iterdir()) == []


def test_without_a_cache_there_is_nothing_to_forget(run: Callable[..., Result]) -> None:
    """That is no error."""
    assert run("--purge").stdout == "forgot 0 sessions\n"


def test_a_cache_that_others_may_write_is_said_and_left_alone(
    run: Callable[..., Result], held: dict[str, str]
) -> None:
    """Exit code 3, and the line that mends it."""
    cache = Path(os.environ["AWSASSUME_CACHE_DIR"], "awsassume")
    cache.chmod(0o777)
    said = run("--purge", environ=held, code=3)
    assert "is open to others; run: chmod go-rwx" in said.stderr
    cache.chmod(0o700)
    assert run("--purge", environ=held).stdout.startswith("forgot 3 sessions and ")


def test_a_shell_that_holds_a_role_is_told_that_it_still_does(
    aws: FakeAws, run: Callable[..., Result], program: str, held: dict[str, str]
) -> None:
    """Its variables are not in the cache."""
    environ = assumed(run, program, "first", environ=held)
    said = run("--purge", environ=environ)
    assert said.stdout.startswith("forgot 3 sessions and ")
    assert "awsassume --clear" in said.stderr
    assert aws.calls() == []


def test_those_who_read_meanwhile_all_get_their_credentials(
    program: str, run: Callable[..., Result], held: dict[str, str]
) -> None:
    """Thirty readers and ten purges at once: every reader has whole credentials of the role."""
    environ = {**os.environ, **held}
    readers = []
    for turn in range(30):
        words = [program, "first", "--credential-process"]
        readers.append(subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True))
        if turn % 3 == 0:
            run("--purge", environ=held)
    for reader in readers:
        said, _ = reader.communicate(timeout=BOUND)
        assert reader.returncode == 0
        assert json.loads(said)["SessionToken"]
