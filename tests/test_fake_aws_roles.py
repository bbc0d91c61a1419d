"""The fake AWS decides who may assume a role as the real one does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_aws.clients import client, refusal

if TYPE_CHECKING:
    from tests.fake_aws import FakeAws, Keys

OTHER = "999999999999"
ASSUME = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def assume(aws: FakeAws, keys: Keys | dict[str, Any], arn: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Assume a role; return the answer."""
    answer: dict[str, Any] = client(aws, keys).assume_role(
        **{"RoleArn": arn, "RoleSessionName": "me"} | more
    )
    return answer


def refused(aws: FakeAws, keys: Keys | dict[str, Any], arn: str, **more: Any) -> tuple[str, str]:  # noqa: ANN401
    """Fail to assume a role; return the code and the message."""
    return refusal(lambda: assume(aws, keys, arn, **more))


@pytest.mark.parametrize(
    "trust,account,allow,holds",
    [
        pytest.param(None, None, ASSUME, True, id="own account, allowed"),
        pytest.param(None, None, [], False, id="own account, not allowed"),
        pytest.param("BOB", None, [], True, id="user named, not allowed"),
        pytest.param(
            ["arn:aws:iam::123456789012:user/Eve", "BOB"], None, [], True, id="user in a list"
        ),
        pytest.param("arn:aws:iam::123456789012:user/Eve", None, ASSUME, False, id="another user"),
        pytest.param("*", None, [], True, id="anybody"),
        pytest.param("BOB", OTHER, [], False, id="user named by a foreign role, not allowed"),
        pytest.param("BOB", OTHER, ASSUME, True, id="user named by a foreign role, allowed"),
        pytest.param("123456789012", OTHER, ASSUME, True, id="account named by a foreign role"),
        pytest.param(None, OTHER, ASSUME, False, id="a foreign role that trusts its own account"),
    ],
)
def test_trust_and_policy_decide_together(
    aws: FakeAws,
    trust: str | list[str] | None,
    account: str | None,
    allow: list[str],
    holds: bool,
) -> None:
    """A role's trust and a user's policy let the user in, or don't, as IAM evaluates them."""
    bob = aws.add_user("Bob", allow=allow)
    named = json.loads(json.dumps(trust).replace("BOB", bob.arn))
    role = aws.add_role("example-role", trust=named, account=account)
    if holds:
        assume(aws, bob, role.arn)
    else:
        message = (
            f"User: {bob.arn} is not authorized to perform: sts:AssumeRole on resource: {role.arn}"
        )
        assert refused(aws, bob, role.arn) == ("AccessDenied", message)


def test_a_deny_beats_a_trust_that_names_the_user(aws: FakeAws) -> None:
    """An explicit deny of the user's policies holds against every trust."""
    bob = aws.add_user("Bob", deny=["sts:AssumeRole"])
    assert refused(aws, bob, aws.add_role(trust=bob).arn)[0] == "AccessDenied"


def test_a_role_that_does_not_exist_is_denied(aws: FakeAws) -> None:
    """A missing role looks like one that may not be assumed."""
    assert refused(aws, aws.add_user(), "arn:aws:iam::123456789012:role/nope")[0] == "AccessDenied"


def test_a_role_can_trust_a_role(aws: FakeAws) -> None:
    """A chain of roles works by role ARN, and lasts at most an hour."""
    bob = aws.add_user("Bob")
    first = aws.add_role("first", max_session_duration=43200)
    second = aws.add_role("second", trust=first, account=OTHER, max_session_duration=43200)
    session = assume(aws, bob, first.arn, DurationSeconds=43200)["Credentials"]
    assert refused(aws, bob, second.arn)[0] == "AccessDenied"
    assume(aws, session, second.arn, DurationSeconds=3600)
    code, message = refused(aws, session, second.arn, DurationSeconds=3601)
    assert code == "ValidationError"
    limit = "exceeds the 1 hour session limit for roles assumed by role chaining"
    assert message == f"The requested DurationSeconds {limit}"


def test_the_credentials_of_get_session_token_count_as_chained(aws: FakeAws) -> None:
    """A role that is assumed with any temporary credentials lasts at most an hour."""
    bob = aws.add_user("Bob")
    role = aws.add_role(max_session_duration=7200)
    session = client(aws, bob).get_session_token()["Credentials"]
    assert "role chaining" in refused(aws, session, role.arn, DurationSeconds=7200)[1]
    assume(aws, bob, role.arn, DurationSeconds=7200)


@pytest.mark.parametrize(
    "parameters,code,words",
    [
        ({"RoleSessionName": "a b"}, "ValidationError", r"regular expression pattern: [\w+=,.@-]*"),
        ({"RoleSessionName": "a"}, "ValidationError", "length greater than or equal to 2"),
        ({"RoleSessionName": "a" * 65}, "ValidationError", "length less than or equal to 64"),
        (
            {"DurationSeconds": 899},
            "ValidationError",
            "'899' at 'durationSeconds' failed to satisfy constraint",
        ),
        ({"DurationSeconds": 43201}, "ValidationError", "less than or equal to 43200"),
        (
            {"DurationSeconds": 3601},
            "ValidationError",
            "exceeds the MaxSessionDuration set for this role.",
        ),
        ({"RoleArn": "example-role"}, "ValidationError", "length greater than or equal to 20"),
        ({"RoleArn": "arn:aws:iam::123456789012:user/Bob"}, "ValidationError", "is invalid"),
        ({"ExternalId": "a"}, "ValidationError", "externalId"),
        ({"SourceIdentity": "a b"}, "ValidationError", "sourceIdentity"),
        (
            {"TokenCode": "12345", "SerialNumber": "arn:aws:iam::1:mfa/x"},
            "ValidationError",
            "tokenCode",
        ),
        ({"Policy": "{"}, "MalformedPolicyDocument", "invalid Json"),
        ({"Policy": "{}"}, "MalformedPolicyDocument", "Syntax errors"),
        ({"Policy": "x" * 2049}, "ValidationError", "'policy'"),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:role/x"}]}, "ValidationError", "is not valid"),
        (
            {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
            "InvalidParameterValue",
            "Duplicate",
        ),
        ({"Tags": [{"Key": "a", "Value": "!"}]}, "ValidationError", "tags"),
        ({"TransitiveTagKeys": ["a"]}, "InvalidParameterValue", "must be included"),
    ],
    ids=str,
)
def test_a_parameter_that_breaks_its_rule_is_refused(
    aws: FakeAws, parameters: dict[str, Any], code: str, words: str
) -> None:
    """Every parameter of AssumeRole is validated, with AWS's code and words."""
    actual, message = refused(aws, aws.add_user(), aws.add_role().arn, **parameters)
    assert actual == code
    assert words in message


def test_a_packed_policy_can_be_too_large(aws: FakeAws) -> None:
    """Policies and tags have a limit together, which can be set."""
    aws.packed_policy_limit = 10
    tags = [{"Key": "team", "Value": "platform"}]
    code, message = refused(aws, aws.add_user(), aws.add_role().arn, Tags=tags)
    assert (code, message.split()[3]) == ("PackedPolicyTooLarge", "120%")


def test_an_external_id_must_be_the_right_one(aws: FakeAws) -> None:
    """A condition on the external id refuses none and a wrong one."""
    bob = aws.add_user("Bob")
    role = aws.add_role(external_id="secret:1")
    assert refused(aws, bob, role.arn)[0] == "AccessDenied"
    assert refused(aws, bob, role.arn, ExternalId="secret:2")[0] == "AccessDenied"
    assume(aws, bob, role.arn, ExternalId="secret:1")


def test_mfa_comes_with_the_call_or_with_the_session(aws: FakeAws) -> None:
    """A condition on MFA is met by a token code, or by a session that was taken with one."""
    bob = aws.add_user("Bob")
    role = aws.add_role(mfa=True)
    device = {"SerialNumber": aws.add_mfa(bob, codes=["111111"]).serial}
    sts = client(aws, bob)
    plain = sts.get_session_token()["Credentials"]
    behind_mfa = sts.get_session_token(**device, TokenCode="111111")["Credentials"]
    for keys in (bob, plain):
        assert refused(aws, keys, role.arn)[0] == "AccessDenied"
    assume(aws, behind_mfa, role.arn)
    assume(aws, bob, role.arn, **device, TokenCode="111111")


def test_a_token_code_is_refused_in_the_words_of_aws(aws: FakeAws) -> None:
    """A wrong code, half a device and somebody else's device are each told apart."""
    bob, eve = aws.add_user("Bob"), aws.add_user("Eve")
    role = aws.add_role()
    device = aws.add_mfa(bob, codes=["111111", "222222"], once=True)
    code = {"TokenCode": "111111"}
    serial = {"SerialNumber": device.serial}
    assert (
        "invalid MFA one time pass code"
        in refused(aws, bob, role.arn, **serial, TokenCode="999999")[1]
    )
    assert "must provide both" in refused(aws, bob, role.arn, **serial)[1]
    assert "unable to validate MFA code" in refused(aws, eve, role.arn, **serial, **code)[1]
    assume(aws, bob, role.arn, **serial, **code)
    assert "invalid MFA one time pass code" in refused(aws, bob, role.arn, **serial, **code)[1]
    assume(aws, bob, role.arn, **serial, TokenCode="222222")


def test_tags_must_be_trusted_and_may_be_conditions(aws: FakeAws) -> None:
    """Session tags need sts:TagSession, and a condition may name them."""
    bob = aws.add_user("Bob")
    tags = [{"Key": "team", "Value": "blue"}]
    untagged = aws.add_role("untagged", trusted_actions=["sts:AssumeRole"])
    tagged = aws.add_role(
        "tagged", condition={"StringEquals": {"aws:RequestTag/team": ["blue", "red"]}}
    )
    assert "sts:TagSession" in refused(aws, bob, untagged.arn, Tags=tags)[1]
    assert refused(aws, bob, tagged.arn)[0] == "AccessDenied"
    assert assume(aws, bob, tagged.arn, Tags=tags)["PackedPolicySize"] > 0


def test_transitive_tags_go_along_a_chain(aws: FakeAws) -> None:
    """A transitive tag is on the next session too, and can't be set again there."""
    bob = aws.add_user("Bob")
    first = aws.add_role("first")
    second = aws.add_role("second", condition={"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    tags = {"Tags": [{"Key": "team", "Value": "blue"}], "TransitiveTagKeys": ["team"]}
    session = assume(aws, bob, first.arn, **tags)["Credentials"]
    again = assume(aws, session, second.arn)["Credentials"]
    assume(aws, again, second.arn)
    assert refused(aws, session, second.arn, **tags)[0] == "InvalidParameterValue"


def test_a_source_identity_stays(aws: FakeAws) -> None:
    """A source identity may be demanded, is in the answer, and can't be changed along a chain."""
    bob = aws.add_user("Bob")
    role = aws.add_role(condition={"StringLike": {"sts:SourceIdentity": "b*"}})
    assert refused(aws, bob, role.arn)[0] == "AccessDenied"
    answer = assume(aws, bob, role.arn, SourceIdentity="bob")
    assert answer["SourceIdentity"] == "bob"
    assert assume(aws, answer["Credentials"], role.arn)["SourceIdentity"] == "bob"
    assert refused(aws, answer["Credentials"], role.arn, SourceIdentity="ben")[0] == "AccessDenied"
