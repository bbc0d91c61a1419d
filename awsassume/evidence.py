"""What can be learnt, before and after a refusal, of who asks for a role and of the role itself."""

import re
from typing import Any, NamedTuple

from awsassume import sts
from awsassume.errors import Failure, RefusedFailure
from awsassume.parameters import Step
from awsassume.trust import Caller, Known

_ARN = re.compile(
    r"arn:([\w-]+):(?:iam|sts)::(\d{12}):(root|user|assumed-role|federated-user)/?(.*)"
)
RESERVED = "AWSReservedSSO_"


class Who(NamedTuple):
    """The identity that asks: AWS's words for it, its kind, and the ARN by which a policy names it.

    ``kind`` is ``user``, ``role``, ``root`` or ``federated-user``; ``is_sure`` is false where the path of a role could not
    be read, so that ``principal`` may lack it.
    """

    arn: str
    account: str
    user_id: str
    kind: str
    name: str
    principal: str
    is_sure: bool

    @property
    def caller(self) -> Caller:
        """Every way in which a trust policy may name it."""
        names = [self.arn, self.user_id.partition(":")[0]]
        return Caller(self.account, (*names, self.principal) if self.is_sure else tuple(names))

    @property
    def is_reserved(self) -> bool:
        """Whether it is a role of IAM Identity Center, whose policies only a permission set changes."""
        return self.name.startswith(RESERVED)

    def __str__(self) -> str:
        """Name it in a sentence."""
        return f"{self.kind} {self.name}" if self.kind in {"user", "role"} else self.arn


class Said(NamedTuple):
    """An answer, or ``None`` where there is none to be had; and why."""

    holds: bool | None
    why: str


def yes(why: str) -> Said:
    """Say that it holds."""
    return Said(holds=True, why=why)


def no(why: str) -> Said:
    """Say that it does not hold."""
    return Said(holds=False, why=why)


def unknown(why: str) -> Said:
    """Say that it can't be seen."""
    return Said(holds=None, why=why)


class Found(NamedTuple):
    """A role as it was found: ``role`` is IAM's answer. ``said.holds`` is whether it exists."""

    said: Said
    role: dict[str, Any] | None


def identify(aws: sts.Aws) -> Who:
    """Ask AWS who calls. Raises SourceFailure or RefusedFailure."""
    identity = sts.caller_identity(aws)
    arn, account, user_id = identity["Arn"], identity["Account"], identity["UserId"]
    match = _ARN.fullmatch(arn)
    if match is None:
        return Who(arn, account, user_id, "unknown", arn, arn, is_sure=False)
    partition, _, kind, path = match.groups()
    if kind != "assumed-role":
        name = path.rpartition("/")[2]
        return Who(arn, account, user_id, kind, name, arn, is_sure=kind == "user")
    name = path.partition("/")[0]
    try:
        principal = str(aws.call("iam", "get_role", RoleName=name)["Role"]["Arn"])
    except (Failure, KeyError):
        principal = f"arn:{partition}:iam::{account}:role/{name}"
        # A path is the exception, but for the roles of IAM Identity Center.
        sure = not name.startswith(RESERVED)
        return Who(arn, account, user_id, "role", name, principal, is_sure=sure)
    return Who(arn, account, user_id, "role", name, principal, is_sure=True)


def actions(step: Step) -> list[str]:
    """Give the actions that an AssumeRole needs: tags and a source identity are actions of their own."""
    return [
        "sts:AssumeRole",
        *(["sts:TagSession"] if step.parameters.get("Tags") else []),
        *(["sts:SetSourceIdentity"] if step.parameters.get("SourceIdentity") else []),
    ]


def conditions(step: Step, who: Who, *, temporary: bool) -> Known:
    """Give the condition keys of the request, as far as they are known here."""
    parameters = step.parameters
    tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", [])}

    def given(name: str) -> tuple[str, ...] | None:
        return (str(parameters[name]),) if name in parameters else None

    known: dict[str, tuple[str, ...] | None] = {
        "sts:externalid": given("ExternalId"),
        "sts:rolesessionname": given("RoleSessionName"),
        "sts:durationseconds": given("DurationSeconds"),
        "aws:tagkeys": tuple(tags) or None,
        "sts:transitivetagkeys": tuple(parameters.get("TransitiveTagKeys", ())) or None,
        "aws:principalaccount": (who.account,),
        "aws:userid": (who.user_id,),
        **{f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()},
    }
    if who.is_sure:
        known["aws:principalarn"] = (who.principal,)
    if who.kind == "user":
        known["aws:username"] = (who.name,)
    if "SourceIdentity" in parameters or not temporary:
        known["sts:sourceidentity"] = given("SourceIdentity")
    if step.mfa_serial:
        known |= {"aws:multifactorauthpresent": ("true",), "aws:multifactorauthage": ("0",)}
    elif not temporary:
        known |= {"aws:multifactorauthpresent": None, "aws:multifactorauthage": None}
    elif who.kind == "role":
        known |= {"aws:multifactorauthpresent": ("false",), "aws:multifactorauthage": None}
    return known


def policy_allows(aws: sts.Aws, who: Who, step: Step) -> tuple[Said, bool]:
    """Ask IAM to simulate the identity's policies; and tell whether a deny, and no lack, is the answer."""
    if who.kind == "root":
        return no("the account's root user can't assume a role, whatever a policy says"), True
    if who.kind not in {"user", "role"} or not who.is_sure:
        return unknown("not to be simulated for this identity"), False
    wanted = actions(step)
    entries = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}
        for name, value, kind in (
            ("sts:ExternalId", step.parameters.get("ExternalId"), "string"),
            ("sts:RoleSessionName", step.parameters.get("RoleSessionName"), "string"),
            ("aws:MultiFactorAuthPresent", "true" if step.mfa_serial else None, "boolean"),
        )
        if value
    ]
    try:
        answer = aws.call(
            "iam",
            "simulate_principal_policy",
            PolicySourceArn=who.principal,
            ActionNames=wanted,
            ResourceArns=[step.role_arn],
            ContextEntries=entries,
        )
    except Failure as failure:
        return unknown(f"{_unread(failure, 'iam:SimulatePrincipalPolicy')}"), False
    lacking = [
        each for each in answer.get("EvaluationResults", []) if each["EvalDecision"] != "allowed"
    ]
    if not lacking:
        return yes(f"{who} is allowed {', '.join(wanted)} on the role"), False
    names = ", ".join(str(each["EvalActionName"]) for each in lacking)
    outer = _outer(lacking)
    if outer:
        return no(f"{outer} does not allow {who} {names} on the role"), True
    if any(each["EvalDecision"] == "explicitDeny" for each in lacking):
        return no(f"a policy of {who} denies {names} on the role"), True
    return no(f"no policy of {who} allows {names} on the role"), False


def _outer(lacking: list[dict[str, Any]]) -> str:
    for detail, allowed, name in (
        (
            "PermissionsBoundaryDecisionDetail",
            "AllowedByPermissionsBoundary",
            "the permissions boundary",
        ),
        (
            "OrganizationsDecisionDetail",
            "AllowedByOrganizations",
            "the organization's policy (SCP)",
        ),
    ):
        if any(each.get(detail, {}).get(allowed) is False for each in lacking):
            return name
    return ""


def find_role(aws: sts.Aws, who: Who, step: Step) -> Found:
    """Look for the role and its trust policy: by GetRole, else among those of ListRoles."""
    if step.account_id != who.account:
        why = f"account {step.account_id} can't be looked into from account {who.account}"
        return Found(unknown(why), None)
    arn, name = step.role_arn, step.role_arn.rpartition("/")[2]
    try:
        role = aws.call("iam", "get_role", RoleName=name).get("Role", {})
    except Failure as failure:
        if getattr(failure, "code", "") == "NoSuchEntity":
            return Found(no(f"there is no role {name} in account {who.account}"), None)
        return _listed(aws, arn, failure)
    if role.get("Arn") != arn:
        return Found(no(f"role {name} is {role.get('Arn')}, and not {arn}"), None)
    return Found(yes(arn), role)


def _listed(aws: sts.Aws, arn: str, denied: Failure) -> Found:
    marker: dict[str, str] = {}
    while True:
        try:
            answer = aws.call("iam", "list_roles", **marker)
        except Failure:
            why = f"{_unread(denied, 'iam:GetRole')}"
            return Found(unknown(why), None)
        role = next((role for role in answer.get("Roles", []) if role["Arn"] == arn), None)
        if role is not None:
            return Found(yes(arn), role)
        if not answer.get("IsTruncated") or not answer.get("Marker"):
            return Found(no(f"there is no role {arn}"), None)
        marker = {"Marker": answer["Marker"]}


def _unread(failure: Failure, action: str) -> str:
    if isinstance(failure, RefusedFailure) and "AccessDenied" in failure.code:
        return f"you may not call {action}"
    return failure.message


def mfa_serial(aws: sts.Aws) -> str | None:
    """Give the caller's first MFA device, where it may be read."""
    try:
        devices = aws.call("iam", "list_mfa_devices").get("MFADevices") or []
    except Failure:
        return None
    return str(devices[0]["SerialNumber"]) if devices else None
