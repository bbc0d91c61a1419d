"""A kept session that AWS has ended since is had anew, once, and that is said; nobody else is blamed for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

ENDED = re.compile(
    r"awsassume: AWS no longer takes the session of (\S+) that was kept \((\w+|HTTP \d+)\); had anew\n"
)
ROLE = "arn:aws:iam::123456789012:role/example-role"


@pytest.fixture
def bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Return Bob, who has a role by a profile, and one behind it by its name."""
    keys = aws.add_user("Bob")
    role = aws.add_role("example-role", trust=keys)
    aws.add_role("behind", trust=role)
    write(
        home,
        f"[default]\nregion = us-east-1\n[profile example]\nrole_arn = {role.arn}\nsource_profile = default\n",
        f"[default]\n{lines_of(keys)}",
    )
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return keys


def expire(aws: FakeAws) -> None:
    """End every session as `aws iam` revokes sessions: their time is over, whatever they were told."""
    aws.expire_now()


def forget(aws: FakeAws) -> None:
    """Let AWS know none of the sessions any more."""
    for key, keys in list(aws.keys.items()):
        if keys.temporary:
            aws.revoke(key)


HOWS = pytest.mark.parametrize("how", [expire, forget])
WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    "--whoami": (["--whoami", ROLE], {}),
    "--whoami of a profile": (["--whoami", "example", "--json"], {}),
    "--whoami of AWS_PROFILE": (["--whoami"], {"AWS_PROFILE": "example"}),
    "--console": (["--console", "example", "--no-open"], {}),
    "--console of AWS_PROFILE": (["--console", "--no-open"], {"AWS_PROFILE": "example"}),
    "a name behind it": (["-p", "example", "behind", "--credential-process"], {}),
    "--explain of a name behind it": (["--explain", "-p", "example", "behind"], {}),
    "--explain of one behind it": (
        ["--explain", "-p", "example", ROLE.replace("example-role", "behind")], {},
    ),
}  # fmt: skip


@HOWS
@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_session_that_aws_ended_is_had_anew_once_and_that_is_said(
    aws: FakeAws, bob: Keys, run: Callable[..., Result], way: str, how: Callable[[FakeAws], None]
) -> None:
    """It goes well, with one line more than otherwise; and the time after that, without."""
    del bob
    words, environ = WAYS[way]
    source = ["example" if way == "--whoami of a profile" or "AWS_PROFILE" in environ else ROLE]
    run(*source, "--credential-process")
    run("example", "--credential-process")
    how(aws)
    before = len(aws.calls("AssumeRole", RoleArn=ROLE))
    result = run(*words, environ=environ)
    (found,) = ENDED.findall(result.stderr)
    assert found[0] == ROLE
    assert len(aws.calls("AssumeRole", RoleArn=ROLE)) == before + 1
    assert "deleted" not in result.stderr
    assert not ENDED.search(run(*words, environ=environ).stderr)
    assert len(aws.calls("AssumeRole", RoleArn=ROLE)) == before + 1


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "just had"])
def test_it_is_had_no_second_time(
    aws: FakeAws, bob: Keys, run: Callable[..., Result], kept: bool, code: str
) -> None:
    """Where AWS does not take the new one either, it is the session that is named, and not the source."""
    del bob
    if kept:
        run(ROLE, "--credential-process")
    aws.fault("error", "GetCallerIdentity", code=code, status=403)
    result = run("--whoami", ROLE, code=4)
    assert len(aws.calls("AssumeRole")) == 1 + kept
    assert bool(ENDED.search(result.stderr)) == kept
    assert "of the session of 123456789012:example-role" in result.stderr
    assert "of the source" not in result.stderr
    assert "get a new one: --refresh" in result.stderr


def test_a_sign_in_that_is_refused_twice_is_an_error(
    aws: FakeAws, bob: Keys, run: Callable[..., Result]
) -> None:
    """One new session, and then what AWS says."""
    del bob
    run("example", "--credential-process")
    aws.fault("status", "getSigninToken", status=400)
    result = run("--console", "example", "--no-open", code=5)
    assert len(ENDED.findall(result.stderr)) == 1
    assert "AWS refused the sign-in of example (HTTP 400)" in result.stderr
    assert len(aws.calls("AssumeRole")) == 2


def test_a_refusal_of_another_kind_ends_nothing(
    aws: FakeAws, bob: Keys, run: Callable[..., Result]
) -> None:
    """What AWS can't do now is no fault of the session's."""
    del bob
    run("example", "--credential-process")
    aws.fault("status", "getSigninToken", status=503)
    assert not ENDED.search(run("--console", "example", "--no-open", code=5).stderr)
    aws.fault("throttle", "GetCallerIdentity")
    assert not ENDED.search(run("--whoami", "example", code=5).stderr)
    assert len(aws.calls("AssumeRole")) == 1


def test_a_source_that_is_gone_is_still_blamed(
    aws: FakeAws, bob: Keys, run: Callable[..., Result]
) -> None:
    """Both were ended: a new session can't be had, since the key of its source is no more."""
    run(ROLE, "--credential-process")
    forget(aws)
    aws.revoke(bob.access_key_id)
    result = run("--whoami", ROLE, code=4)
    assert ENDED.search(result.stderr)
    assert 'of profile "default"' in result.stderr
    assert "was it deleted?" in result.stderr


def test_a_command_gets_a_new_one_by_refresh(
    aws: FakeAws, bob: Keys, run: Callable[..., Result], aws_cli: str
) -> None:
    """That AWS ended a session, COMMAND hears of first; --refresh has another, which the next one finds."""
    del bob
    ask = ("--", aws_cli, "sts", "get-caller-identity")
    assert ":assumed-role/example-role/" in run("example", *ask).stdout
    expire(aws)
    assert "ExpiredToken" in run("example", *ask, code=None).stderr
    assert ":assumed-role/example-role/" in run("example", "--refresh", *ask).stdout
    assert json.loads(run("example", *ask).stdout)["Account"] == "123456789012"
