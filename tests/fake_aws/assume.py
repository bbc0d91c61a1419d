"""AssumeRole: its checks in the order, and with the words, of the real one.

Follows https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from . import policy
from .errors import AwsError, constraint, not_authorized, validation

if TYPE_CHECKING:
    from .http import Caller, Request
    from .model import Document, Keys, Role
    from .world import World

CHAINED_SECONDS = 3600
NAME = r"[\w+=,.@-]*"
TAG = r"[\w\s.:/=+\-@]*"


def check_text(request: Request, name: str, least: int, most: int, pattern: str) -> None:
    """Raise ValidationError where a parameter breaks the length or pattern of the API model."""
    value = request.get(name)
    if value is None:
        return
    member = name[0].lower() + name[1:]
    if len(value) < least:
        raise constraint(value, member, f"Member must have length greater than or equal to {least}")
    if len(value) > most:
        raise constraint(value, member, f"Member must have length less than or equal to {most}")
    if not re.fullmatch(pattern, value, re.ASCII):
        raise constraint(
            value, member, f"Member must satisfy regular expression pattern: {pattern}"
        )


def check_duration(request: Request, most: int) -> int | None:
    """Return DurationSeconds, None where not sent; ValidationError outside 900 to `most`."""
    text = request.get("DurationSeconds")
    if text is None:
        return None
    if not re.fullmatch(r"-?\d+", text):
        raise AwsError("MalformedInput", "Invalid Argument")
    if int(text) < 900:
        raise constraint(
            text, "durationSeconds", "Member must have value greater than or equal to 900"
        )
    if int(text) > most:
        raise constraint(
            text, "durationSeconds", f"Member must have value less than or equal to {most}"
        )
    return int(text)


def check_mfa(world: World, request: Request, keys: Keys) -> bool:
    """Return whether a right token code came with the request; AccessDenied for a wrong one."""
    check_text(request, "SerialNumber", 9, 256, r"[\w+=/:,.@-]*")
    check_text(request, "TokenCode", 6, 6, r"[\d]*")
    serial, code = request.get("SerialNumber"), request.get("TokenCode")
    if serial is None and code is None:
        return False
    failed = "MultiFactorAuthentication failed"
    if serial is None or code is None:
        raise AwsError(
            "AccessDenied",
            f"{failed}, must provide both MFA serial number and one time pass code.",
            403,
        )
    device = world.devices.get(serial)
    if device is None or device.user_arn != keys.arn:
        why = (
            "unable to validate MFA code.  Please verify your MFA serial number is valid and "
            "associated with this user."
        )
        raise AwsError("AccessDenied", f"{failed}, {why}", 403)
    if code not in device.codes:
        raise AwsError("AccessDenied", f"{failed} with invalid MFA one time pass code. ", 403)
    if device.once:
        device.codes.discard(code)
    return True


def session_policies(request: Request) -> tuple[Document, ...]:
    """Return a request's session policies; a managed one, which is unknown here, allows all."""
    check_text(request, "Policy", 1, 2048, r"[\u0009\u000A\u000D\u0020-\u00FF]+")
    found: list[Document] = []
    if (text := request.get("Policy")) is not None:
        try:
            document = json.loads(text)
        except ValueError:
            raise AwsError("MalformedPolicyDocument", "This policy contains invalid Json") from None
        if not isinstance(document, dict) or "Statement" not in document:
            raise AwsError("MalformedPolicyDocument", "Syntax errors in policy.")
        found.append(document)
    arns = [member.get("arn", "") for member in request.members("PolicyArns")]
    if len(arns) > 10:
        raise constraint(
            str(arns), "policyArns", "Member must have length less than or equal to 10"
        )
    for arn in arns:
        if not re.fullmatch(r"arn:[\w-]+:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", arn):
            raise validation(f"ARN {arn} is not valid.")
        found.append(policy.document(["*"]))
    return tuple(found)


def session_tags(request: Request, keys: Keys) -> tuple[dict[str, str], frozenset[str]]:
    """Return the session's tags and the keys of those that go on to the next role of a chain."""
    pairs = [(member.get("Key", ""), member.get("Value", "")) for member in request.members("Tags")]
    if len(pairs) > 50:
        raise constraint(str(pairs), "tags", "Member must have length less than or equal to 50")
    for key, value in pairs:
        if not re.fullmatch(TAG, key) or not 1 <= len(key) <= 128:
            raise constraint(
                key, "tags.1.member.key", f"Member must satisfy regular expression pattern: {TAG}"
            )
        if not re.fullmatch(TAG, value) or len(value) > 256:
            raise constraint(
                value,
                "tags.1.member.value",
                f"Member must satisfy regular expression pattern: {TAG}",
            )
    if len({key.lower() for key, _ in pairs}) < len(pairs):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise AwsError("InvalidParameterValue", message)
    transitive = {member[""] for member in request.members("TransitiveTagKeys")}
    if not {key.lower() for key in transitive} <= {key.lower() for key, _ in pairs}:
        message = "The specified transitive tag key must be included in the requested tags."
        raise AwsError("InvalidParameterValue", message)
    inherited = {key: value for key, value in keys.tags.items() if key in keys.transitive_tag_keys}
    if {key.lower() for key, _ in pairs} & {key.lower() for key in inherited}:
        message = (
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            "transitive tag key from the calling session."
        )
        raise AwsError("InvalidParameterValue", message)
    return inherited | dict(pairs), frozenset(transitive | set(inherited))


def check_size(world: World, request: Request) -> int | None:
    """Return how much of the room for policies and tags is used, in percent; None without any."""
    names = ("Policy", "PolicyArns.", "Tags.", "TransitiveTagKeys.")
    sent = [
        value
        for name, value in request.parameters.items()
        if name == "Policy" or name.startswith(names[1:])
    ]
    if not sent:
        return None
    percent = -(-sum(map(len, sent)) * 100 // world.packed_policy_limit)
    if percent > 100:
        message = f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
        raise AwsError("PackedPolicyTooLarge", message)
    return percent


def assume_role(world: World, request: Request, caller: Caller) -> dict[str, Any]:
    """Answer AssumeRole."""
    keys = caller.keys
    arn, name = request.require("RoleArn"), request.require("RoleSessionName")
    check_text(request, "RoleArn", 20, 2048, r"[\u0009\u000A\u000D\u0020-\u007E]+")
    check_text(request, "RoleSessionName", 2, 64, NAME)
    check_text(request, "ExternalId", 2, 1224, r"[\w+=,.@:\/-]*")
    check_text(request, "SourceIdentity", 2, 256, NAME)
    seconds = check_duration(request, 43200)
    if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:role/\S+", arn):
        raise validation(f"{arn} is invalid")
    documents = session_policies(request)
    tags, transitive = session_tags(request, keys)
    percent = check_size(world, request)
    mfa = check_mfa(world, request, keys)
    identity = request.get("SourceIdentity") or keys.source_identity
    role = world.roles.get(arn)
    if role is None:
        raise not_authorized(keys.arn, "sts:AssumeRole", arn)
    context = _context(world, request, keys, mfa=mfa)
    actions = ["sts:AssumeRole"]
    if request.members("Tags"):
        actions.append("sts:TagSession")
    if identity:
        actions.append("sts:SetSourceIdentity")
    for action in actions:
        check_trust(world, role, keys, action, context)
    if keys.source_identity and identity != keys.source_identity:
        raise not_authorized(keys.arn, "sts:SetSourceIdentity", arn)
    session = world.issue(
        role,
        name,
        _seconds(seconds, role, keys),
        mfa=mfa or keys.mfa,
        chained=keys.temporary,
        session_policies=documents,
        source_identity=identity,
        tags=tags,
        transitive_tag_keys=transitive,
        lineage=(*keys.lineage, keys.arn),
    )
    return {
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "Credentials": show_credentials(session, request),
        "PackedPolicySize": percent,
        "SourceIdentity": identity,
    }


def _seconds(asked: int | None, role: Role, keys: Keys) -> int:
    if asked is not None and keys.temporary and asked > CHAINED_SECONDS:
        raise validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining"
        )
    if asked is not None and asked > role.max_session_duration:
        raise validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return asked or CHAINED_SECONDS


def _context(
    world: World, request: Request, keys: Keys, *, mfa: bool
) -> dict[str, str | list[str]]:
    context: dict[str, str | list[str]] = {
        "aws:PrincipalArn": keys.owner.arn,
        "aws:PrincipalAccount": keys.account,
        "aws:userid": keys.user_id,
        "aws:CurrentTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(world.now())),
        "sts:RoleSessionName": request.require("RoleSessionName"),
    }
    if mfa or keys.temporary:
        context["aws:MultiFactorAuthPresent"] = str(mfa or keys.mfa).lower()
    if mfa or keys.mfa:
        context["aws:MultiFactorAuthAge"] = "0"
    for parameter in ("ExternalId", "SourceIdentity", "DurationSeconds"):
        if (value := request.get(parameter)) is not None:
            context[f"sts:{parameter}"] = value
    if keys.source_identity:
        context["aws:SourceIdentity"] = keys.source_identity
        context.setdefault("sts:SourceIdentity", keys.source_identity)
    context |= {f"aws:PrincipalTag/{key}": value for key, value in keys.tags.items()}
    if tags := request.members("Tags"):
        context |= {f"aws:RequestTag/{tag['Key']}": tag.get("Value", "") for tag in tags}
        context["aws:TagKeys"] = [tag["Key"] for tag in tags]
    if transitive := request.members("TransitiveTagKeys"):
        context["sts:TransitiveTagKeys"] = [member[""] for member in transitive]
    return context


def check_trust(world: World, role: Role, keys: Keys, action: str, context: policy.Context) -> None:
    """Raise AccessDenied unless the role's trust and the caller's policies let the caller in."""
    trusted = policy.trusts(role.trust, action, [keys.arn, keys.owner.arn], keys.account, context)
    allowed = world.allows(keys, action, role.arn, context)
    limited = bool(keys.session_policies) and allowed != "allowed"
    named = (
        trusted == "principal"
        and keys.account == role.account
        and allowed != "explicitDeny"
        and not limited
    )
    both = trusted in {"principal", "account"} and allowed == "allowed"
    if not named and not both:
        raise not_authorized(keys.arn, action, role.arn)


def show_credentials(keys: Keys, request: Request) -> dict[str, Any]:
    """Return credentials as STS names their fields, with what a fault puts in their place."""
    shown: dict[str, Any] = {
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "SessionToken": keys.session_token,
        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(keys.expiration)),
    }
    return {name: value for name, value in (shown | request.overrides).items() if value is not None}
