"""What a trust policy says of a caller: yes, no, or unknown, and never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from awsassume import trust
from awsassume.trust import Caller

if TYPE_CHECKING:
    from tests.fake_aws.model import Document

BOB = "arn:aws:iam::123456789012:user/Bob"
ROOT = "arn:aws:iam::123456789012:root"
EVE = "arn:aws:iam::123456789012:user/Eve"
CALLER = Caller("123456789012", (BOB, "AIDAEXAMPLEEXAMPLE00"))
KNOWN: trust.Known = {
    "sts:externalid": ("x-1",),
    "sts:sourceidentity": None,
    "aws:multifactorauthage": ("0",),
    "aws:multifactorauthpresent": ("true",),
    "aws:principalarn": (BOB,),
    "aws:tagkeys": ("team", "cost"),
    "aws:username": ("Bob",),
}


def statement(principal: Any = BOB, **more: Any) -> Document:  # noqa: ANN401  # a policy's JSON
    """Make a statement that allows AssumeRole."""
    made = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return made | more


def judged(*statements: Document) -> trust.Verdict:
    """Give the verdict on AssumeRole."""
    return trust.verdict({"Statement": list(statements)}, CALLER, "sts:AssumeRole", KNOWN)


@pytest.mark.parametrize(
    "principal, named",
    [
        (BOB, "principal"),
        ([EVE, BOB], "principal"),
        ("*", "principal"),
        ("AIDAEXAMPLEEXAMPLE00", "principal"),
        (ROOT, "account"),
        ("123456789012", "account"),
        ([EVE, ROOT], "account"),
        ("arn:aws:iam::210987654321:root", ""),
        ("210987654321", ""),
        (EVE, ""),
        ([], ""),
    ],
)
def test_a_caller_is_named_by_itself_or_by_its_account(principal: object, named: str) -> None:
    """An account's number and its root are the same to AWS."""
    assert judged(statement(principal)).named == named
    assert judged(statement(principal)).allows is bool(named)


def test_a_principal_may_stand_without_aws() -> None:
    """A star is written both ways; a service or a federation is nobody here."""
    assert judged(statement() | {"Principal": "*"}).allows
    for other in ({"Service": "ec2.amazonaws.com"}, {"Federated": "accounts.google.com"}):
        assert not judged(statement() | {"Principal": other}).allows


def test_not_principal_names_everybody_else() -> None:
    """It stands in old policies, mostly to deny."""
    bare = {"Effect": "Allow", "Action": "sts:*"}
    assert judged({**bare, "NotPrincipal": {"AWS": EVE}}).allows
    assert not judged({**bare, "NotPrincipal": {"AWS": BOB}}).allows


@pytest.mark.parametrize(
    "action, allows",
    [
        ("sts:assumerole", True),
        (["sts:TagSession", "sts:AssumeRole"], True),
        ("sts:Assume*", True),
        ("*", True),
        ("sts:AssumeRoleWithSAML", False),
        ("sts:TagSession", False),
    ],
)
def test_actions_are_matched_in_any_case_and_with_stars(action: object, allows: bool) -> None:
    """As IAM matches them."""
    assert judged(statement(Action=action)).allows is allows
    without = statement(NotAction=action)
    del without["Action"]
    assert judged(without).allows is not allows


@pytest.mark.parametrize(
    "condition, holds",
    [
        ({"StringEquals": {"sts:ExternalId": "x-1"}}, True),
        ({"StringEquals": {"STS:externalid": ["y", "x-1"]}}, True),
        ({"StringEquals": {"sts:ExternalId": "X-1"}}, False),
        ({"StringEqualsIgnoreCase": {"sts:ExternalId": "X-1"}}, True),
        ({"StringNotEquals": {"sts:ExternalId": "x-1"}}, False),
        ({"StringLike": {"sts:ExternalId": "x-?"}}, True),
        ({"StringNotLike": {"sts:ExternalId": "y*"}}, True),
        ({"StringEquals": {"sts:SourceIdentity": "bob"}}, False),
        ({"StringEqualsIfExists": {"sts:SourceIdentity": "bob"}}, True),
        ({"StringNotEquals": {"sts:SourceIdentity": "bob"}}, True),
        ({"Null": {"sts:SourceIdentity": "true"}}, True),
        ({"Null": {"sts:ExternalId": True}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": True}}, True),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, False),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, True),
        ({"NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": 1}}, False),
        ({"NumericEquals": {"aws:MultiFactorAuthAge": "many"}}, None),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/B*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": EVE}}, False),
        ({"StringEquals": {"aws:RequestTag/team": "blue"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost", "more"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}, True),
        ({"StringEquals": {"sts:ExternalId": "${aws:username}"}}, False),
        ({"StringLike": {"aws:PrincipalArn": "*/${aws:username}"}}, True),
        ({"StringEquals": {"sts:ExternalId": "${aws:PrincipalTag/x}"}}, None),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, None),
        ({"DateGreaterThan": {"sts:ExternalId": "2020-01-01T00:00:00Z"}}, None),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, None),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1", "sts:ExternalId": "no"}}, False),
    ],
)
def test_a_condition_holds_does_not_or_is_unknown(condition: Document, holds: bool | None) -> None:
    """What only AWS knows is unknown, and one that fails outweighs one that is unknown."""
    assert judged(statement(Condition=condition)).allows is holds


def test_the_statement_that_comes_nearest_is_the_one_to_explain() -> None:
    """One that allows before one that may, and that before one that fails; and of those the one that fails the least."""
    fails = {"StringEquals": {"sts:ExternalId": "no", "sts:SourceIdentity": "bob"}}
    less = {"StringEquals": {"sts:ExternalId": "no"}}
    perhaps = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    both = judged(statement(Condition=fails), statement(Condition=less))
    assert [test.wanted for test in both.tests] == [("no",)]
    assert judged(statement(Condition=fails), statement(ROOT, Condition=perhaps)).allows is None
    assert judged(statement(Condition=perhaps), statement(ROOT)).named == "account"
    assert judged(statement(ROOT), statement(BOB)).named == "principal"


def test_a_deny_outweighs_every_allow() -> None:
    """One that may hold leaves the answer open, and one that does not hold is nothing."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}
    assert judged(statement(), deny) == judged(deny, statement())
    assert judged(statement(), deny).denied
    assert judged(statement(), deny).allows is False
    foreign = {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}
    assert judged(statement(), {**deny, "Condition": foreign}).allows is None
    without = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    assert judged(statement(), {**deny, "Condition": without}).allows


def test_a_single_statement_need_be_no_list() -> None:
    """The article's own trust policy is written so."""
    document = {"Version": "2012-10-17", "Statement": statement(ROOT)}
    assert trust.verdict(document, CALLER, "sts:AssumeRole", KNOWN).named == "account"


def test_a_principal_that_was_deleted_is_found_by_its_unique_id() -> None:
    """IAM shows it so, and the same name made again is not it."""
    document = {"Statement": [statement(["AIDAQWERTYUIOPASDFGH", BOB]), statement("*")]}
    assert trust.deleted(document) == ["AIDAQWERTYUIOPASDFGH"]
