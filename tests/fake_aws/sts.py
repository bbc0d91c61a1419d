"""The other actions of STS.

Follows https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import policy
from .assume import NAME, assume_role, check_duration, check_mfa, check_text, show_credentials
from .errors import AwsError, not_authorized, validation
from .http import Response, result
from .model import User

if TYPE_CHECKING:
    from .http import Caller, Request
    from .world import World

SESSION_TOKEN_SECONDS = 43200


def get_session_token(world: World, request: Request, caller: Caller) -> dict[str, Any]:
    """Answer GetSessionToken: for a user's own keys alone."""
    if caller.keys.temporary or not isinstance(caller.keys.owner, User):
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = check_duration(request, 129600)
    mfa = check_mfa(world, request, caller.keys)
    keys = world.issue(
        caller.keys.owner, None, seconds or SESSION_TOKEN_SECONDS, mfa=mfa, tags=caller.keys.tags
    )
    return {"Credentials": show_credentials(keys, request)}


def get_caller_identity(_world: World, _request: Request, caller: Caller) -> dict[str, Any]:
    """Answer GetCallerIdentity, which no policy can deny."""
    return {"Arn": caller.keys.arn, "UserId": caller.keys.user_id, "Account": caller.keys.account}


def get_access_key_info(world: World, request: Request, _caller: Caller) -> dict[str, Any]:
    """Answer GetAccessKeyInfo."""
    keys = world.keys.get(request.require("AccessKeyId"))
    if keys is None:
        raise validation("Invalid AccessKeyId")
    return {"Account": keys.account}


def assume_role_with_web_identity(world: World, request: Request) -> dict[str, Any]:
    """Answer AssumeRoleWithWebIdentity, which nobody signs."""
    arn, name = request.require("RoleArn"), request.require("RoleSessionName")
    check_text(request, "RoleSessionName", 2, 64, NAME)
    seconds = check_duration(request, 43200)
    identity = world.web_identities.get(request.require("WebIdentityToken"))
    if identity is None:
        raise AwsError(
            "InvalidIdentityToken", "The web identity token provided could not be validated."
        )
    if identity["expired"]:
        raise AwsError(
            "ExpiredTokenException",
            "Token expired: current date/time must be before the expiration time",
        )
    action, provider = "sts:AssumeRoleWithWebIdentity", identity["provider"]
    role = world.roles.get(arn)
    context = {f"{provider}:sub": identity["subject"]}
    if role is None or policy.trusts(role.trust, action, [provider], "", context) != "principal":
        raise AwsError("AccessDenied", f"Not authorized to perform {action}", 403)
    if seconds is not None and seconds > role.max_session_duration:
        raise validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    keys = world.issue(role, name, seconds or 3600, lineage=(f"{provider}:{identity['subject']}",))
    return {
        "SubjectFromWebIdentityToken": identity["subject"],
        "Provider": provider,
        "Audience": "fake",
        "AssumedRoleUser": {"AssumedRoleId": keys.user_id, "Arn": keys.arn},
        "Credentials": show_credentials(keys, request),
    }


ACTIONS = {
    "AssumeRole": assume_role,
    "GetSessionToken": get_session_token,
    "GetCallerIdentity": get_caller_identity,
    "GetAccessKeyInfo": get_access_key_info,
}


def answer(world: World, request: Request, action: str, caller: Caller) -> Response:
    """Answer an action of STS that its caller signed."""
    if caller.region in world.disabled_regions:
        account = caller.keys.account
        message = (
            f"STS is not activated in this region for account:{account}. Your account "
            "administrator can activate STS in this region using the IAM Console."
        )
        raise AwsError("RegionDisabledException", message, 403)
    plain_session = caller.keys.temporary and isinstance(caller.keys.owner, User)
    if plain_session and action == "GetAccessKeyInfo":
        raise not_authorized(caller.keys.arn, f"sts:{action}", "*")
    return result("sts", action, ACTIONS[action](world, request, caller))
