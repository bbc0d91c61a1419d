"""The actions of IAM, and two read-only ones of EC2 and RDS to see what a caller may do.

Follows https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from . import policy
from .errors import AwsError, constraint, invalid_token, not_authorized
from .http import NAMESPACES, REQUEST_ID, Response, result
from .model import Role, User

if TYPE_CHECKING:
    from .http import Caller, Request
    from .world import World

CREATED = "2024-01-01T00:00:00Z"


def _show(role: Role, *, whole: bool) -> dict[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": CREATED,
        "AssumeRolePolicyDocument": quote(json.dumps(role.trust), safe=""),
        "MaxSessionDuration": role.max_session_duration,
        "RoleLastUsed": {} if whole else None,
    }


def list_roles(world: World, request: Request, caller: Caller) -> dict[str, Any]:
    """Answer ListRoles, a page at a time, in the order of the names."""
    check(world, caller, "iam:ListRoles", world.arn("iam", caller.keys.account, "role/"))
    prefix = request.get("PathPrefix") or "/"
    roles = [
        role
        for role in world.roles.values()
        if role.account == caller.keys.account and role.path.startswith(prefix)
    ]
    roles.sort(key=lambda role: role.name)
    start, size = _page(request, "marker"), int(request.get("MaxItems") or 100)
    if not 1 <= size <= 1000:
        raise constraint(str(size), "maxItems", "Member must have value less than or equal to 1000")
    size = min(size, world.page_size)
    end = start + size
    return {
        "Roles": [_show(role, whole=False) for role in roles[start:end]],
        "IsTruncated": end < len(roles),
        "Marker": f"marker{end}" if end < len(roles) else None,
    }


def _page(request: Request, prefix: str) -> int:
    marker = request.get("Marker")
    if marker is None:
        return 0
    if not marker.removeprefix(prefix).isdigit():
        raise AwsError("ValidationError", "Invalid Marker.")
    return int(marker.removeprefix(prefix))


def get_role(world: World, request: Request, caller: Caller) -> dict[str, Any]:
    """Answer GetRole."""
    name, account = request.require("RoleName"), caller.keys.account
    role = next(
        (role for role in world.roles.values() if role.account == account and role.name == name),
        None,
    )
    check(
        world,
        caller,
        "iam:GetRole",
        role.arn if role else world.arn("iam", account, f"role/{name}"),
    )
    if role is None:
        raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    return {"Role": _show(role, whole=True)}


def get_user(world: World, _request: Request, caller: Caller) -> dict[str, Any]:
    """Answer GetUser, of the caller."""
    user = caller.keys.owner
    check(world, caller, "iam:GetUser", user.arn)
    if not isinstance(user, User):
        raise AwsError(
            "ValidationError", "Must specify userName when calling with non-User credentials"
        )
    shown = {
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "Path": "/",
        "CreateDate": CREATED,
    }
    return {"User": shown}


def list_account_aliases(world: World, _request: Request, caller: Caller) -> dict[str, Any]:
    """Answer ListAccountAliases."""
    check(world, caller, "iam:ListAccountAliases", "*")
    alias = world.accounts[caller.keys.account].alias
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


def list_mfa_devices(world: World, _request: Request, caller: Caller) -> dict[str, Any]:
    """Answer ListMFADevices, of the caller."""
    check(world, caller, "iam:ListMFADevices", caller.keys.arn)
    name = caller.keys.owner.name
    devices = [device for device in world.devices.values() if device.user_arn == caller.keys.arn]
    shown = [
        {"UserName": name, "SerialNumber": device.serial, "EnableDate": CREATED}
        for device in devices
    ]
    return {"MFADevices": shown, "IsTruncated": False}


def simulate_principal_policy(world: World, request: Request, caller: Caller) -> dict[str, Any]:
    """Answer SimulatePrincipalPolicy: what the identity policies of a user or role say."""
    source = request.require("PolicySourceArn")
    check(world, caller, "iam:SimulatePrincipalPolicy", source)
    owner: User | Role | None = world.users.get(source) or world.roles.get(source)
    if owner is None or owner.account != caller.keys.account:
        raise AwsError(
            "NoSuchEntity", f"The policy source entity with ARN {source} cannot be found.", 404
        )
    results = [
        {
            "EvalActionName": action[""],
            "EvalResourceName": resource[""],
            "EvalDecision": policy.decide(owner.policies, action[""], resource[""]),
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for action in request.members("ActionNames")
        for resource in request.members("ResourceArns") or [{"": "*"}]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def check(world: World, caller: Caller, action: str, resource: str) -> None:
    """Raise AccessDenied unless the caller's policies allow an action."""
    decision = world.allows(caller.keys, action, resource)
    if decision == "explicitDeny":
        raise not_authorized(
            caller.keys.arn, action, resource, "an explicit deny in an identity-based policy"
        )
    if decision != "allowed":
        why = f"no identity-based policy allows the {action} action"
        raise not_authorized(caller.keys.arn, action, resource, why)


ACTIONS = {
    "ListRoles": list_roles,
    "GetRole": get_role,
    "GetUser": get_user,
    "ListAccountAliases": list_account_aliases,
    "ListMFADevices": list_mfa_devices,
    "SimulatePrincipalPolicy": simulate_principal_policy,
}


def answer(world: World, request: Request, action: str, caller: Caller) -> Response:
    """Answer an action of IAM."""
    if caller.keys.temporary and isinstance(caller.keys.owner, User) and not caller.keys.mfa:
        # As IAM treats what GetSessionToken gave without a token code.
        raise invalid_token()
    return result("iam", action, ACTIONS[action](world, request, caller))


def describe_instances(world: World, caller: Caller) -> Response:
    """Answer EC2's DescribeInstances: none, for whoever may ask."""
    if world.allows(caller.keys, "ec2:DescribeInstances", "*") != "allowed":
        message = (
            f"You are not authorized to perform this operation. User: {caller.keys.arn} is not "
            "authorized to perform: ec2:DescribeInstances because no identity-based policy allows "
            "the ec2:DescribeInstances action"
        )
        raise AwsError("UnauthorizedOperation", message, 403)
    body = f"<requestId>{REQUEST_ID}</requestId><reservationSet/>"
    name = "DescribeInstancesResponse"
    return Response(f'<{name} xmlns="{NAMESPACES["ec2"]}">{body}</{name}>'.encode())


def describe_db_instances(world: World, caller: Caller) -> Response:
    """Answer RDS's DescribeDBInstances: none, for whoever may ask."""
    check(world, caller, "rds:DescribeDBInstances", world.arn("rds", caller.keys.account, "db:*"))
    return result("rds", "DescribeDBInstances", {"DBInstances": []})
