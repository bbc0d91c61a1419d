"""--whoami: who AWS says this environment is, and where that comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws_files import assumed, lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws


@pytest.fixture
def whoami(run: Callable[..., Result]) -> Callable[..., dict[str, Any]]:
    """Return a function that gives what --whoami --json says."""

    def ask(*words: str, environ: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            run("--whoami", "--json", *words, environ=environ).stdout
        )
        return found

    return ask


def test_keys_in_the_environment_are_told_as_such(
    aws: FakeAws, whoami: Callable[..., dict[str, Any]]
) -> None:
    """Account, ARN and user id are AWS's; keys that last for good have no time left to tell."""
    aws.add_account(aws.account, alias="my-company")
    bob = aws.add_user("Bob")
    said = whoami(environ=aws.environ(bob, region="eu-west-1"))
    assert said == {
        "Account": "123456789012",
        "Arn": "arn:aws:iam::123456789012:user/Bob",
        "UserId": bob.user_id,
        "AccountAlias": "my-company",
        "Source": "the environment",
        "Role": None,
        "Region": "eu-west-1",
        "Expiration": None,
        "SecondsLeft": None,
    }


def test_a_person_reads_the_same_in_aligned_lines_without_colours(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """Standard output is no terminal here, so nothing of rich's is in it."""
    bob = aws.add_user("Bob", allow=["sts:AssumeRole"])
    said = run("--whoami", environ=aws.environ(bob, region="eu-west-1"))
    assert said.stderr == ""
    assert said.stdout.splitlines() == [
        "account  123456789012",
        "arn      arn:aws:iam::123456789012:user/Bob",
        f"user id  {bob.user_id}",
        "from     the environment",
        "role     none",
        "region   eu-west-1",
    ]


def test_the_environment_as_it_is_now_is_judged_and_not_the_one_before(
    aws: FakeAws, run: Callable[..., Result], program: str, whoami: Callable[..., dict[str, Any]]
) -> None:
    """After `eval "$(awsassume role)"` the answer is the role, taken by awsassume, with the minutes left."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    environ = assumed(run, program, "example-role", environ=aws.environ(bob))
    said = whoami(environ=environ)
    assert said["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/example-role/")
    assert said["Role"] == "example-role"
    assert said["Source"].startswith("awsassume ")
    assert "example-role" in said["Source"]
    assert 0 < said["SecondsLeft"] <= 3600
    assert said["Expiration"] == environ["AWS_CREDENTIAL_EXPIRATION"]


def test_a_session_that_is_over_names_the_command_that_takes_it_again(
    aws: FakeAws, run: Callable[..., Result], program: str
) -> None:
    """Exit code 4, and one line for it and one for what to run."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    environ = assumed(run, program, "example-role", environ=aws.environ(bob))
    aws.expire_now()
    said = run("--whoami", environ=environ, code=4)
    assert "have expired" in said.stderr
    assert "run: awsassume " in said.stderr
    assert "--clear" in said.stderr
    assert said.stdout == ""


@pytest.mark.parametrize("expiration", ["2001-01-01T00:00:00Z", "soon", ""])
def test_any_expiration_beside_the_keys_is_survived(
    aws: FakeAws, whoami: Callable[..., dict[str, Any]], expiration: str
) -> None:
    """An SDK raises where AWS_CREDENTIAL_EXPIRATION is past or no date; the identity is told all the same."""
    environ = aws.environ(aws.add_user("Bob")) | {"AWS_CREDENTIAL_EXPIRATION": expiration}
    said = whoami(environ=environ)
    assert said["Arn"].endswith("user/Bob")
    assert said["SecondsLeft"] == (0 if expiration.startswith("2001") else None)


def test_a_role_that_a_profile_names_is_what_the_profile_is(
    aws: FakeAws, home: Path, whoami: Callable[..., dict[str, Any]]
) -> None:
    """With AWS_PROFILE an SDK assumes the profile's role, so that is who one is."""
    bob = aws.add_user("Bob")
    role = aws.add_role("deploy", trust=bob)
    config = f"[profile deploy]\nrole_arn = {role.arn}\nsource_profile = base\nregion = eu-west-3\n"
    write(home, config, f"[base]\n{lines_of(bob)}")
    said = whoami(environ=aws.environ(region=None) | {"AWS_PROFILE": "deploy"})
    assert said["Role"] == "deploy"
    assert said["Region"] == "eu-west-3"
    assert said["Source"] == 'profile "deploy" from profile "base"'


def test_a_profile_that_asks_awsassume_is_asked_as_an_sdk_would(
    aws: FakeAws, home: Path, program: str, whoami: Callable[..., dict[str, Any]]
) -> None:
    """It is passed over as a source of ours, yet it is what the shell's SDKs use."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    config = (
        f"[profile example]\ncredential_process = {program} example-role --credential-process\n"
    )
    write(home, config, f"[default]\n{lines_of(bob)}")
    said = whoami(environ=aws.environ() | {"AWS_PROFILE": "example"})
    assert said["Role"] == "example-role"
    assert "asks awsassume" in said["Source"]


def test_whoami_with_a_role_asks_as_that_role_and_changes_nothing(
    aws: FakeAws, whoami: Callable[..., dict[str, Any]]
) -> None:
    """The session is kept, so a second look costs no AssumeRole."""
    bob = aws.add_user("Bob")
    role = aws.add_role("example-role", trust=bob, path="/team/")
    for _ in range(2):
        said = whoami(role.arn, "--duration", "15m", environ=aws.environ(bob))
        assert said["Role"] == "example-role"
        assert 0 < said["SecondsLeft"] <= 900
        assert "the environment" in said["Source"]
    assert len(aws.calls("AssumeRole")) == 1


def test_a_profile_that_is_not_there_is_an_error(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """Nobody else is shown in its place."""
    write(home, "", f"[default]\n{lines_of(aws.add_user('Bob'))}")
    said = run("--whoami", environ=aws.environ() | {"AWS_PROFILE": "defualt"}, code=3)
    assert 'AWS_PROFILE "defualt" is not in' in said.stderr
    assert "did you mean: default" in said.stderr


def test_nobody_at_all_is_told_with_what_to_run(aws: FakeAws, run: Callable[..., Result]) -> None:
    """Exit code 4, and nothing on standard output."""
    said = run("--whoami", environ=aws.environ(), code=4)
    assert said.stdout == ""
    assert "no source credentials" in said.stderr
    assert "run: " in said.stderr


def test_a_profile_beside_keys_is_warned_of(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """The keys count for most SDKs, and the profile for JavaScript's."""
    write(home, "", f"[other]\n{lines_of(aws.add_user('Eve'))}")
    said = run("--whoami", environ=aws.environ(aws.add_user("Bob")) | {"AWS_PROFILE": "other"})
    assert "user/Bob" in said.stdout
    assert "AWS_PROFILE=other" in said.stderr


def test_an_alias_that_may_not_be_read_is_left_out(
    aws: FakeAws, whoami: Callable[..., dict[str, Any]]
) -> None:
    """It is no more than a name."""
    aws.add_account(aws.account, alias="my-company")
    bob = aws.add_user("Bob", allow=["sts:AssumeRole"])
    assert whoami(environ=aws.environ(bob))["AccountAlias"] is None


def test_a_command_of_serve_is_told_that_it_is_served(
    aws: FakeAws, run: Callable[..., Result], program: str
) -> None:
    """What an SDK finds there is awsassume's endpoint, and not a container's."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob)
    words = ("--serve", "example-role", "--", program, "--whoami", "--json")
    said = json.loads(run(*words, environ=aws.environ(bob)).stdout)
    assert said["Role"] == "example-role"
    assert said["Source"] == "awsassume --serve"
