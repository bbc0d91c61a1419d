"""credential_process as the real boto3 and the real AWS CLI run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import botocore.session
import pytest

from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws, Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"


@pytest.fixture(autouse=True)
def profile(bob: Keys, home: Path, program: str) -> str:
    """Write the profile that has SDKs ask, named as its role; every test needs it."""
    assert bob.access_key_id
    with (home / ".aws/config").open("a") as config:
        config.write(
            "[profile example-role]\nregion = us-east-1\n"
            f"credential_process = {program} example-role --session-name sdk --credential-process\n"
        )
    return "example-role"


def whose(profile: str | None = None) -> str:
    """Return who boto3 is, in a session of its own."""
    arn: str = boto3.Session(profile_name=profile).client("sts").get_caller_identity()["Arn"]
    return arn.rpartition(":")[2]


def test_boto3_asks_us_and_is_the_role(
    profile: str, monkeypatch: pytest.MonkeyPatch, aws: FakeAws
) -> None:
    """By the profile's name in code, and in AWS_PROFILE, which our process inherits."""
    assert whose(profile) == "assumed-role/example-role/sdk"
    monkeypatch.setenv("AWS_PROFILE", profile)
    assert whose() == "assumed-role/example-role/sdk"
    assert len(aws.calls("AssumeRole")) == 1


def test_the_aws_cli_asks_us_and_is_the_role(
    profile: str, run: Callable[..., Result], aws_cli: str, aws: FakeAws
) -> None:
    """With --profile, and with AWS_PROFILE."""
    asked = (aws_cli, "sts", "get-caller-identity", "--output", "json")
    for words, environ in (
        (["--profile", profile], {}),
        ([], {"AWS_PROFILE": profile}),
    ):
        said = run(*words, argv=asked, environ=environ)
        assert json.loads(said.stdout)["Arn"].endswith(":assumed-role/example-role/sdk")
        assert said.stderr == ""
    assert len(aws.calls("AssumeRole")) == 1


def test_an_sdk_tells_what_we_say_when_we_fail(
    profile: str, run: Callable[..., Result], aws_cli: str, aws: FakeAws
) -> None:
    """One line, no traceback of ours, and nothing on stdout that could be taken for credentials."""
    del aws.roles[ROLE]
    failed = run("sts", "get-caller-identity", "--profile", profile, argv=(aws_cli,), code=None)
    assert failed.code != 0
    assert 'profile "example-role" asks awsassume for a role of that name' in failed.stderr
    assert "Traceback" not in failed.stderr


def test_boto3_asks_again_when_a_session_nears_its_end(profile: str, aws: FakeAws) -> None:
    """And gets the next one: what botocore calls too old, we do not call fresh."""
    aws.lifetime = 14 * 60
    botocore_session = botocore.session.Session(profile=profile)
    credentials = botocore_session.get_credentials()
    assert credentials is not None
    first = credentials.get_frozen_credentials().access_key
    assert credentials.get_frozen_credentials().access_key == first
    assert len(aws.calls("AssumeRole")) == 1
    aws.lifetime = None
    # Another process has had the next one by now.
    assert subprocess.run(
        [sys.executable, "-m", "awsassume", "example-role", "--session-name", "sdk", "--refresh", "-f", "process"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    second = credentials.get_frozen_credentials().access_key
    assert second != first
    assert aws.whose(second or "").endswith("assumed-role/example-role/sdk")
    assert len(aws.calls("AssumeRole")) == 2


def test_keys_that_never_end_are_asked_for_once(
    home: Path, program: str, bob: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile of long-term keys goes out without Expiration, and boto3 keeps it."""
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile keys]\nregion = us-east-1\ncredential_process = {program} default -f process\n"
        )
    monkeypatch.setenv("AWS_PROFILE", "keys")
    assert whose() == "user/Bob"
    credentials = boto3.Session().get_credentials()
    assert credentials is not None
    assert credentials.access_key == bob.access_key_id


@pytest.mark.slow
@pytest.mark.parametrize("role", ["example", "example-role"])
def test_fifty_at_once_make_one_call(aws: FakeAws, program: str, role: str) -> None:
    """All get the same session, and none says a word."""
    line = [program, role, "--credential-process"]
    processes = [
        subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
        for _ in range(50)
    ]
    said = [process.communicate(timeout=BOUND) for process in processes]
    assert {process.returncode for process in processes} == {0}
    assert {stderr for _, stderr in said} == {b""}
    assert len({json.loads(stdout)["SessionToken"] for stdout, _ in said}) == 1
    assert len(aws.calls("AssumeRole")) == 1
    assert len(aws.calls("ListRoles")) == (role == "example-role")
