"""The fake AWS speaks to real boto3 clients as STS and IAM do."""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_aws.clients import client, refusal

if TYPE_CHECKING:
    from tests.fake_aws import FakeAws

NAME = {"RoleSessionName": "me"}


def test_an_assumed_role_is_who_its_credentials_say(aws: FakeAws) -> None:
    """AssumeRole answers with unique credentials whose identity is the role's session."""
    bob = aws.add_user("Bob", allow=["sts:AssumeRole"])
    role = aws.add_role("example-role", path="/a/b/")
    answers = [client(aws, bob).assume_role(RoleArn=role.arn, **NAME) for _ in range(2)]
    arn = "arn:aws:sts::123456789012:assumed-role/example-role/me"
    assert role.arn == "arn:aws:iam::123456789012:role/a/b/example-role"
    assert [answer["AssumedRoleUser"]["Arn"] for answer in answers] == [arn, arn]
    assert len({answer["Credentials"]["SessionToken"] for answer in answers}) == 2
    identity = client(aws, answers[0]["Credentials"]).get_caller_identity()
    assert (identity["Arn"], identity["Account"], identity["UserId"]) == (
        arn,
        "123456789012",
        f"{role.id}:me",
    )


def test_the_log_says_who_called_what_from_where(aws: FakeAws) -> None:
    """Each call is logged with its parameters, its caller, and the scope of its signature."""
    bob = aws.add_user("Bob")
    client(aws, bob, region="ap-northeast-1").assume_role(RoleArn=aws.add_role().arn, **NAME)
    client(aws, bob).get_caller_identity()
    [call] = aws.calls("AssumeRole", RoleSessionName="me")
    assert (call.access_key_id, call.caller_arn, call.outcome) == (bob.access_key_id, bob.arn, "ok")
    assert (call.service, call.region) == ("sts", "ap-northeast-1")
    assert "Boto3" in call.user_agent
    assert aws.calls(region="eu-west-1")[0].action == "GetCallerIdentity"
    assert not aws.calls("AssumeRole", RoleSessionName="you")


@pytest.mark.parametrize(
    "change,code",
    [
        pytest.param({"SecretAccessKey": "wrong"}, "SignatureDoesNotMatch", id="wrong secret"),
        pytest.param({"AccessKeyId": "AKIAUNKNOWN"}, "InvalidClientTokenId", id="unknown key"),
        pytest.param(
            {"SessionToken": "made up"},
            "InvalidClientTokenId",
            id="session token of a user's key",
        ),
    ],
)
def test_a_wrong_key_is_refused(aws: FakeAws, change: dict[str, str], code: str) -> None:
    """The signature, the key and the token are really checked."""
    bob = aws.add_user("Bob")
    keys = {"AccessKeyId": bob.access_key_id, "SecretAccessKey": bob.secret_access_key}
    sts = client(aws, keys | change)
    assert refusal(sts.get_caller_identity)[0] == code


def test_a_missing_session_token_is_refused(aws: FakeAws) -> None:
    """Temporary keys are nothing without their token."""
    credentials = client(aws, aws.add_user()).get_session_token()["Credentials"]
    del credentials["SessionToken"]
    assert refusal(client(aws, credentials).get_caller_identity)[0] == "InvalidClientTokenId"


def test_sessions_expire(aws: FakeAws) -> None:
    """The lifetime can be shortened, shows in the answer, and ends."""
    aws.lifetime = 2
    credentials = client(aws, aws.add_user()).get_session_token()["Credentials"]
    left = credentials["Expiration"] - dt.datetime.now(dt.UTC)
    assert left <= dt.timedelta(seconds=3)
    client(aws, credentials).get_caller_identity()
    aws.expire_now()
    assert refusal(client(aws, credentials).get_caller_identity)[0] == "ExpiredToken"
    aws.clock_offset = 100
    credentials = client(aws, aws.add_user("Eve")).get_session_token()["Credentials"]
    aws.clock_offset = 104
    assert refusal(client(aws, credentials).get_caller_identity)[0] == "ExpiredToken"


def test_a_clock_that_is_off_is_refused(aws: FakeAws) -> None:
    """A signature more than five minutes old or early is refused, unless asked otherwise."""
    sts = client(aws, aws.add_user())
    for offset, words in ((1000, "Signature expired"), (-1000, "Signature not yet current")):
        aws.clock_offset = offset
        assert words in refusal(client(aws, aws.add_user()).get_caller_identity)[1]
    aws.check_clock = False
    sts.get_caller_identity()


def test_list_roles_comes_in_pages(aws: FakeAws) -> None:
    """Every role is on some page, and only those of the caller's account."""
    bob = aws.add_user("Bob")
    for number in range(7):
        aws.add_role(f"role-{number}")
    aws.add_role("foreign", account="999999999999")
    aws.page_size = 3
    pages = list(client(aws, bob, "iam").get_paginator("list_roles").paginate())
    assert [[role["RoleName"][-1] for role in page["Roles"]] for page in pages] == [
        list("012"),
        list("345"),
        ["6"],
    ]
    assert len(aws.calls("ListRoles")) == 3


def test_iam_refuses_whom_no_policy_allows(aws: FakeAws) -> None:
    """A user that may only assume roles is told so, in AWS's words."""
    bob = aws.add_user("Bob", allow=["sts:AssumeRole"])
    code, message = refusal(client(aws, bob, "iam").list_roles)
    assert code == "AccessDenied"
    assert message == (
        "User: arn:aws:iam::123456789012:user/Bob is not authorized to perform: iam:ListRoles "
        "on resource: arn:aws:iam::123456789012:role/ "
        "because no identity-based policy allows the iam:ListRoles action"
    )


def test_get_role_shows_its_trust(aws: FakeAws) -> None:
    """GetRole answers with the trust policy and the longest session."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob, max_session_duration=7200)
    role = client(aws, bob, "iam").get_role(RoleName="example-role")["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": bob.arn}
    assert role["MaxSessionDuration"] == 7200
    assert refusal(lambda: client(aws, bob, "iam").get_role(RoleName="nope"))[0] == "NoSuchEntity"


def test_a_policy_is_simulated(aws: FakeAws) -> None:
    """SimulatePrincipalPolicy tells what is allowed, not allowed and denied."""
    bob = aws.add_user("Bob", allow=["iam:*", "sts:AssumeRole *:role/ok"], deny=["iam:CreateUser"])
    results = client(aws, bob, "iam").simulate_principal_policy(
        PolicySourceArn=bob.arn,
        ActionNames=["sts:AssumeRole", "iam:CreateUser"],
        ResourceArns=["arn:aws:iam::123456789012:role/ok", "arn:aws:iam::123456789012:role/no"],
    )["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == [
        "allowed",
        "implicitDeny",
        "explicitDeny",
        "explicitDeny",
    ]


def test_an_account_has_an_alias_and_a_partition(aws: FakeAws) -> None:
    """The alias can be listed, and every ARN of a Chinese account is in its partition."""
    aws.add_account("111122223333", partition="aws-cn", alias="jade")
    bob = aws.add_user("Bob", account="111122223333")
    assert client(aws, bob, "iam").list_account_aliases()["AccountAliases"] == ["jade"]
    role = aws.add_role("example-role", account="111122223333")
    answer = client(aws, bob, region="cn-north-1").assume_role(RoleArn=role.arn, **NAME)
    assert (
        answer["AssumedRoleUser"]["Arn"]
        == "arn:aws-cn:sts::111122223333:assumed-role/example-role/me"
    )


def test_the_article_holds(aws: FakeAws) -> None:
    """Bob sees EC2 and not RDS, his role RDS and not EC2."""
    bob = aws.add_user("Bob", allow=["sts:AssumeRole", "iam:ListRoles", "ec2:Describe*"])
    role = aws.add_role("example-role", allow=["rds:Describe*"])
    session = client(aws, bob).assume_role(RoleArn=role.arn, **NAME)["Credentials"]
    client(aws, bob, "ec2").describe_instances()
    client(aws, session, "rds").describe_db_instances()
    assert refusal(client(aws, bob, "rds").describe_db_instances)[0] == "AccessDenied"
    assert refusal(client(aws, session, "ec2").describe_instances)[0] == "UnauthorizedOperation"


def test_get_session_token_is_for_users_alone(aws: FakeAws) -> None:
    """Temporary credentials can't get more of the kind, and reach IAM only with MFA."""
    bob = aws.add_user("Bob")
    serial = aws.add_mfa(bob).serial
    plain = client(aws, bob).get_session_token()["Credentials"]
    behind_mfa = client(aws, bob).get_session_token(SerialNumber=serial, TokenCode="123456")[
        "Credentials"
    ]
    assert client(aws, plain).get_caller_identity()["Arn"] == bob.arn
    assert refusal(client(aws, plain).get_session_token) == (
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    )
    assert refusal(client(aws, plain, "iam").list_roles)[0] == "InvalidClientTokenId"
    client(aws, behind_mfa, "iam").list_roles()
    left = plain["Expiration"].timestamp() - time.time()
    assert 43000 < left < 43300


def test_a_region_can_be_without_sts(aws: FakeAws) -> None:
    """STS refuses in a region where it is not activated."""
    aws.disabled_regions.add("me-south-1")
    code, message = refusal(client(aws, aws.add_user(), region="me-south-1").get_caller_identity)
    assert code == "RegionDisabledException"
    assert "STS is not activated in this region for account:123456789012." in message


def test_a_web_identity_assumes_a_role(aws: FakeAws) -> None:
    """A known token, unsigned, gets the credentials of a role that trusts its provider."""
    trust = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": "accounts.example.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
        }
    }
    role = aws.add_role("web", trust=trust)
    token = aws.add_web_identity("token-of-a-job")
    stale = aws.add_web_identity("old", expired=True)
    sts = client(aws, None)

    def assume(token: str, arn: str = role.arn) -> Any:  # noqa: ANN401
        return sts.assume_role_with_web_identity(RoleArn=arn, WebIdentityToken=token, **NAME)

    assert (
        client(aws, assume(token)["Credentials"])
        .get_caller_identity()["Arn"]
        .endswith("assumed-role/web/me")
    )
    assert refusal(lambda: assume("made up"))[0] == "InvalidIdentityToken"
    assert refusal(lambda: assume(stale))[0] == "ExpiredTokenException"
    assert refusal(lambda: assume(token, aws.add_role("other").arn))[0] == "AccessDenied"


def test_a_session_policy_narrows(aws: FakeAws) -> None:
    """A session may do what both the role and the session policy allow."""
    role = aws.add_role(allow=["ec2:*", "iam:*"])
    policy = json.dumps(
        {"Statement": [{"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}]}
    )
    answer = client(aws, aws.add_user()).assume_role(RoleArn=role.arn, Policy=policy, **NAME)
    assert answer["PackedPolicySize"] > 0
    client(aws, answer["Credentials"], "iam").list_roles()
    assert (
        refusal(client(aws, answer["Credentials"], "ec2").describe_instances)[0]
        == "UnauthorizedOperation"
    )
