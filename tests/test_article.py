"""The article, from Bob to the role and back, typed into real shells and judged by the AWS CLI.

Each shell runs one long list of commands, as a person would, and every test looks at its part of
what that shell answered.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.demo.article import ASSUMED, EC2, RDS, WHO, caller, denied
from tests.demo.transcript import Answer, transcript
from tests.demo.world import ACCOUNT, DATABASE, ROLE_ARN, USER_ARN, World, world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.slow

UNSET = {
    "bash": "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    "zsh": "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
    "fish": "set -e AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN",
}
ENVIRONMENT = "env | sort"
CLEAR = 'eval "$(awsassume --clear)"'
BOTO3 = 'python -c \'import boto3; print(boto3.client("sts").get_caller_identity()["Arn"])\''


def take(*words: str) -> str:
    """Return the line that takes a role into the shell, and says so where it carried on."""
    return f'eval "$(awsassume {" ".join(words)})" && echo WENT ON'


def session(shell: str) -> dict[str, str]:
    """Return what is typed into one shell: a name for each command, to the command."""
    return {
        "environment before": ENVIRONMENT,
        "caller as Bob": WHO,
        "EC2 as Bob": EC2,
        "RDS as Bob": RDS,
        "take the role": take("example-role"),
        "caller as the role": WHO,
        "EC2 as the role": EC2,
        "RDS as the role": RDS,
        "key": "printenv AWS_ACCESS_KEY_ID",
        "take it again": take("example-role"),
        "key again": "printenv AWS_ACCESS_KEY_ID",
        "environment as the role": ENVIRONMENT,
        "take a role that isn't there": take("nope"),
        "take it from a profile that isn't there": take("example-role", "--profile", "nope"),
        "take it with an option that isn't there": take("example-role", "--nope"),
        "environment after that": ENVIRONMENT,
        "caller after that": WHO,
        "take it by ARN": take(ROLE_ARN, "--session-name", "AWSCLI-Session"),
        "caller by ARN": WHO,
        "take it by account": take(f"{ACCOUNT}:example-role", "--session-name", "by-account"),
        "caller by account": WHO,
        "clear": CLEAR,
        "environment after clear": ENVIRONMENT,
        "caller after clear": WHO,
        "take a profile": take("by-profile"),
        "caller of the profile": WHO,
        "unset": UNSET[shell],
        "caller after unset": WHO,
        "clear after unset": CLEAR,
        "environment after unset and clear": ENVIRONMENT,
        "run a command": f"awsassume example-role -- {WHO}",
        "run one that fails": "awsassume example-role -- sh -c 'exit 7'",
        "caller after the commands": WHO,
        "credential_process, AWS CLI": f"{WHO} --profile example",
        "credential_process, boto3": f"AWS_PROFILE=example {BOTO3}",
        "print credential_process": "awsassume example-role --credential-process",
        "environment at the end": ENVIRONMENT,
    }


@pytest.fixture(scope="module")
def there() -> Iterator[World]:
    """Give this module one article's world, with a profile that names the role besides."""
    with world() as made:
        with (made.home / ".aws/config").open("a") as config:
            config.write(
                f"\n[profile by-profile]\nrole_arn = {ROLE_ARN}\nsource_profile = default\n"
                "role_session_name = by-profile\n"
            )
        yield made


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def answers(
    request: pytest.FixtureRequest, there: World, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Answer]:
    """Type the session into one shell, with nothing cached; return each name's answer."""
    shell: str = request.param
    need(shell)
    environ = {**there.environ, "AWSASSUME_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}
    typed = session(shell)
    heard = transcript(shell, list(typed.values()), environ, str(there.home))
    return dict(zip(typed, heard, strict=True))


def test_bob_sees_ec2_and_not_rds(answers: Mapping[str, Answer], there: World) -> None:
    """Before all else the AWS CLI is Bob, who may describe instances and no databases."""
    assert caller(answers["caller as Bob"]) == USER_ARN
    assert there.instance_id in answers["EC2 as Bob"].output
    assert denied(answers["RDS as Bob"])


def test_the_role_sees_rds_and_not_ec2(answers: Mapping[str, Answer]) -> None:
    """After one line the AWS CLI is the role, which may describe databases and no instances."""
    assert answers["take the role"].output == "WENT ON\n"
    assert caller(answers["caller as the role"]).startswith(ASSUMED)
    assert denied(answers["EC2 as the role"])
    assert DATABASE in answers["RDS as the role"].output


def test_the_role_is_taken_from_bob_a_second_time_too(answers: Mapping[str, Answer]) -> None:
    """The same line again finds Bob's session; it doesn't ask as the role for the role."""
    assert answers["take it again"].output == "WENT ON\n"
    assert answers["key again"] == answers["key"]
    assert answers["key"].output.startswith("ASIA")


@pytest.mark.parametrize(
    "what",
    [
        "take a role that isn't there",
        "take it from a profile that isn't there",
        "take it with an option that isn't there",
    ],
)
def test_a_failure_stops_the_line_and_changes_nothing(
    answers: Mapping[str, Answer], what: str
) -> None:
    """What was asked for in vain is named, `&&` goes no further, and the shell is as it was."""
    failed = answers[what]
    assert failed.code != 0, failed
    assert "WENT ON" not in failed.output
    assert "nope" in failed.output
    assert "Traceback" not in failed.output
    assert answers["environment after that"] == answers["environment as the role"]
    assert caller(answers["caller after that"]) == caller(answers["caller as the role"])


def test_the_article_s_own_session_name_gives_the_article_s_own_arn(
    answers: Mapping[str, Answer],
) -> None:
    """Named by its ARN and with the article's session name, the role is what the article prints."""
    assert caller(answers["caller by ARN"]) == f"{ASSUMED}AWSCLI-Session"


def test_an_account_and_a_name_are_a_role(answers: Mapping[str, Answer]) -> None:
    """ACCOUNT:NAME names the role as its ARN does."""
    assert caller(answers["caller by account"]) == f"{ASSUMED}by-account"


@pytest.mark.parametrize(
    "when",
    ["environment after clear", "environment after unset and clear", "environment at the end"],
)
def test_clear_gives_the_environment_back(answers: Mapping[str, Answer], when: str) -> None:
    """What `env` prints is byte for byte what it printed before all those roles came and went."""
    assert answers[when] == answers["environment before"]


def test_bob_is_back_after_clear(answers: Mapping[str, Answer]) -> None:
    """After `--clear` the AWS CLI is Bob again."""
    assert answers["clear"].code == 0
    assert caller(answers["caller after clear"]) == USER_ARN


def test_a_profile_with_a_role_is_a_role(answers: Mapping[str, Answer]) -> None:
    """A profile of the config file stands for its role, under its own session name."""
    assert caller(answers["caller of the profile"]) == f"{ASSUMED}by-profile"


def test_bob_is_back_when_the_three_variables_are_unset_by_hand(
    answers: Mapping[str, Answer],
) -> None:
    """The article's own way back works too: no other variable of ours tells SDKs who one is."""
    assert caller(answers["caller after unset"]) == USER_ARN
    assert answers["clear after unset"].code == 0


def test_a_command_runs_as_the_role_and_the_shell_stays_bob(
    answers: Mapping[str, Answer],
) -> None:
    """`-- COMMAND` is the role, its exit code is COMMAND's, and the shell is untouched."""
    assert caller(answers["run a command"]).startswith(ASSUMED)
    assert answers["run one that fails"].code == 7
    assert caller(answers["caller after the commands"]) == USER_ARN


def test_a_credential_process_profile_is_the_role(answers: Mapping[str, Answer]) -> None:
    """The AWS CLI and boto3 take the role through a profile that has them ask awsassume."""
    assert caller(answers["credential_process, AWS CLI"]).startswith(ASSUMED)
    assert answers["credential_process, boto3"].code == 0
    assert answers["credential_process, boto3"].output.startswith(ASSUMED)


def test_credential_process_prints_the_json_that_sdks_read_and_nothing_else(
    answers: Mapping[str, Answer],
) -> None:
    """All six keys are there, the version a number, the expiration in UTC with its Z."""
    printed = json.loads(answers["print credential_process"].output)
    assert list(printed) == [
        "Version",
        "AccessKeyId",
        "SecretAccessKey",
        "SessionToken",
        "Expiration",
        "AccountId",
    ]
    assert printed["Version"] == 1
    assert printed["Expiration"].endswith("Z")
    assert printed["AccountId"] == ACCOUNT
