"""What would make a refused AssumeRole succeed: the statement that is missing and its side, or the option to give."""

from typing import TYPE_CHECKING, Any, NamedTuple

from awsassume import evidence, spelling, sts
from awsassume.errors import RefusedFailure, WrongTokenCode
from awsassume.evidence import Found, Said, Who
from awsassume.parameters import Step
from awsassume.trust import Test, Verdict

if TYPE_CHECKING:
    from awsassume.explain import Report

YOURS, ROLES = "your policy", "the role's trust policy"
_VERSION = "2012-10-17"


class Missing(NamedTuple):
    """A policy document that is missing, whole and ready to paste; the side that it goes to; and how it gets there."""

    side: str
    where: str
    is_certain: bool
    document: dict[str, Any]
    heading: str
    file: str
    command: str


class Case(NamedTuple):
    """All that is known of a refusal."""

    who: Who
    step: Step
    policy: Said
    is_denied: bool
    found: Found
    verdicts: dict[str, Verdict]

    @property
    def is_foreign(self) -> bool:
        """Whether the role is in another account, where both sides must agree."""
        return self.step.account_id != self.who.account

    @property
    def name(self) -> str:
        """The role's name."""
        return self.step.role_arn.rpartition("/")[2]


def add(report: "Report", aws: sts.Aws, case: Case) -> None:
    """Add to the report what is missing and what to do."""
    if case.who.kind == "root":
        report.advice.append("use an IAM user's or a role's credentials: --profile NAME")
        return
    if case.found.said.holds is False:
        report.advice.append("check the role's name: aws iam list-roles --query 'Roles[].Arn'")
        return
    refused = report.failure
    if isinstance(refused, WrongTokenCode) or (
        isinstance(refused, RefusedFailure) and "AccessDenied" not in refused.code
    ):
        # AWS said what is wrong, and it is no policy.
        return
    failing = _failing(case)
    report.advice += [line for test in failing if (line := _option(aws, case, test))]
    theirs = _trust_side(case)
    mine = _policy_side(case, theirs)
    report.missing += [found for found in (mine, theirs) if found]
    _remarks(report, case, failing)


def _failing(case: Case) -> list[Test]:
    tests = [test for verdict in case.verdicts.values() for test in verdict.tests]
    return list(dict.fromkeys(test for test in tests if test.holds is False))


def _policy_side(case: Case, theirs: Missing | None) -> Missing | None:
    """Give the statement for the caller's own policy, unless that is known to be there or not to be needed."""
    if case.policy.holds or case.is_denied:
        return None
    by_name = {verdict.named for verdict in case.verdicts.values()} == {"principal"}
    if not case.is_foreign:
        # Within an account a trust policy that names the caller is enough: it does, or will when this is pasted.
        names_the_caller = theirs is not None and case.verdicts and not case.who.is_reserved
        if by_name or names_the_caller:
            return None
    if case.policy.holds is None and any(_failing(case)):
        return None
    certain = case.policy.holds is False or (bool(case.verdicts) and theirs is None)
    return policy_document(case, certain=certain)


def policy_document(case: Case, *, certain: bool) -> Missing:
    """Make the statement by which an identity may assume the role, as the article's example-policy.json is."""
    who = case.who
    file = f"assume-{case.name}.json"
    statement = {
        "Effect": "Allow",
        "Action": _one(evidence.actions(case.step)),
        "Resource": case.step.role_arn,
    }
    command = ""
    if who.kind in {"user", "role"} and not who.is_reserved:
        words = ["aws", "iam", f"put-{who.kind}-policy", f"--{who.kind}-name", who.name]
        words += ["--policy-name", f"assume-{case.name}", "--policy-document", f"file://{file}"]
        command = spelling.command(words)
    where = f"{who} of account {who.account}"
    if who.is_reserved:
        where = f"the permission set of {who} in IAM Identity Center"
    heading = f"{_is(certain)} missing from YOUR side, a policy of {where}:"
    document = {"Version": _VERSION, "Statement": [statement]}
    return Missing(YOURS, where, certain, document, heading, file, command)


def _trust_side(case: Case) -> Missing | None:
    """Give the trust policy that lets the caller in: the one there is and one statement more, where it may be read."""
    if any(verdict.denied for verdict in case.verdicts.values()):
        return None
    lacking = [action for action, verdict in case.verdicts.items() if not verdict.named]
    if case.verdicts and not lacking:
        return None
    if not case.verdicts and case.policy.holds is False and not case.is_foreign:
        # Your own side is what is known to be missing; to guess at another would only confuse.
        return None
    statement = _principal(case.who) | {"Action": _one(lacking or evidence.actions(case.step))}
    statement = {"Effect": "Allow", **statement}
    condition = statement.pop("Condition", None)
    if condition:
        statement["Condition"] = condition
    there = (case.found.role or {}).get("AssumeRolePolicyDocument")
    file = f"{case.name}-trust-policy.json"
    if isinstance(there, dict):
        old = there.get("Statement", [])
        document = {**there, "Statement": [*(old if isinstance(old, list) else [old]), statement]}
        note = " (what it says now, and one statement more)"
    else:
        document = {"Version": _VERSION, "Statement": [statement]}
        note = " (it can't be read: add the statement to those that are there)"
    where = f"role {case.name} of account {case.step.account_id}"
    certain = bool(case.verdicts) and case.who.is_sure
    heading = f"{_is(certain)} missing from the ROLE's side, the trust policy of {where}{note}:"
    command = ""
    if case.verdicts:
        # It puts the document in place of what is there, so what is there must be in it.
        words = ["aws", "iam", "update-assume-role-policy", "--role-name", case.name]
        command = spelling.command([*words, "--policy-document", f"file://{file}"])
    return Missing(ROLES, where, certain, document, heading, file, command)


def _principal(who: Who) -> dict[str, Any]:
    if not who.is_reserved or who.is_sure:
        return {"Principal": {"AWS": who.principal}}
    # The path of such a role holds a region, which can't be told from outside.
    partition = who.arn.split(":")[1]
    root = f"arn:{partition}:iam::{who.account}:root"
    pattern = f"arn:{partition}:iam::{who.account}:role/aws-reserved/sso.amazonaws.com/*{who.name}"
    return {"Principal": {"AWS": root}, "Condition": {"ArnLike": {"aws:PrincipalArn": pattern}}}


def _one(names: list[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else names


def _is(certain: bool) -> str:  # noqa: FBT001  # a word for each
    return "This is" if certain else "This may be"


def _option(aws: sts.Aws, case: Case, test: Test) -> str | None:
    """Say which option meets a condition that does not hold."""
    key = test.key.lower()
    value = test.wanted[0] if test.wanted and not set("*?$") & set(test.wanted[0]) else ""
    if key in {"aws:multifactorauthpresent", "aws:multifactorauthage"}:
        if case.step.mfa_serial or test.wanted == ("false",):
            return None
        guess = f"arn:{case.who.arn.split(':')[1]}:iam::{case.who.account}:mfa/{case.who.name}"
        serial = evidence.mfa_serial(aws) or guess
        return f"the role wants MFA; give --mfa-serial {serial}"
    option = {
        "sts:externalid": ("--external-id", "ID"),
        "sts:sourceidentity": ("--source-identity", "NAME"),
        "sts:rolesessionname": ("--session-name", "NAME"),
    }.get(key)
    if option:
        return f"the role wants {test.key} {test.operator} {' or '.join(test.wanted)}; give {option[0]} {value or option[1]}"
    if key.startswith("aws:requesttag/"):
        tag = test.key.partition("/")[2]
        pair = spelling.command([f"{tag}={value or 'VALUE'}"])
        return f"the role wants a tag; give --tag {pair}"
    if key == "aws:tagkeys":
        return f"the role wants other tags: {', '.join(test.wanted)}; give --tag K=V"
    return f"the role wants {test.key} {test.operator} {', '.join(test.wanted)}, which no option can give"


def _remarks(report: "Report", case: Case, failing: list[Test]) -> None:
    if any(verdict.denied for verdict in case.verdicts.values()):
        report.advice.append(
            "the trust policy holds a Deny for you: whoever owns the role must take it out"
        )
    elif case.is_denied:
        report.advice.append(
            "something denies it: no statement that is added helps before that is taken out"
        )
    elif case.is_foreign and not case.verdicts:
        report.advice.append(
            f"account {case.step.account_id} must tell whether the role also wants --external-id ID or --mfa-serial ARN"
        )
    elif not report.missing and not failing and isinstance(report.failure, RefusedFailure):
        report.advice.append(
            "nothing that can be seen is missing: an organization's policy (SCP), a permissions boundary"
            " or a session policy may deny it"
        )
    if any(missing.is_certain for missing in report.missing):
        report.advice.append("IAM takes a few seconds to heed a change")
