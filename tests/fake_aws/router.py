"""Which service answers a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import iam, metadata, oidc, signin, sso, sts
from .errors import AwsError
from .http import json_error, result, xml_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from .calls import Call
    from .http import Caller, Request, Response
    from .world import World

SERVICES = (
    dict.fromkeys(sts.ACTIONS, "sts")
    | dict.fromkeys(iam.ACTIONS, "iam")
    | {"DescribeInstances": "ec2", "DescribeDBInstances": "rds", "AssumeRoleWithWebIdentity": "sts"}
)
ROUTES = sso.ROUTES | oidc.ROUTES | metadata.ROUTES | signin.ROUTES
"""Method and path of the REST services, to the action's name and what answers it."""


def route_of(request: Request) -> tuple[str, Callable[[World, Request], Response]] | None:
    """Return the name and the function of the REST action that a request asks for, if any."""
    path = metadata.ROLES if request.path.startswith(metadata.ROLES) else request.path
    return ROUTES.get((request.method, path))


def action_of(request: Request) -> str:
    """Return the name of the action that a request asks for, or its method and path."""
    if request.path == "/" and "Action" in request.parameters:
        return request.parameters["Action"]
    if request.path == "/federation" and "Action" in request.parameters:
        return request.parameters["Action"]
    route = route_of(request)
    return route[0] if route else f"{request.method} {request.path}"


def answer(world: World, request: Request, call: Call) -> Response:
    """Answer a request, and note in its call who made it and how it went."""
    action = call.action
    try:
        response = _answer(world, request, call)
        call.outcome = "ok" if response.status < 400 else str(response.status)
    except AwsError as error:
        call.outcome = error.code
        if request.path == "/":
            return xml_error(error.code, error.message, error.status, SERVICES.get(action, "sts"))
        return json_error(error.code, error.message, error.status)
    return response


def _answer(world: World, request: Request, call: Call) -> Response:
    action = call.action
    with world.lock:
        if (route := route_of(request)) is not None:
            return route[1](world, request)
        if request.path != "/":
            raise AwsError("UnknownOperationException", f"No such path: {request.path}", 404)
        if action == "AssumeRoleWithWebIdentity":
            return result("sts", action, sts.assume_role_with_web_identity(world, request))
        service = SERVICES.get(action)
        caller = world.authenticate(request)
        call.caller_arn = caller.keys.arn
        if service is None:
            raise AwsError(
                "InvalidAction",
                f"Could not find operation {action} for version {request.get('Version')}",
            )
        if caller.service != service:
            raise AwsError(
                "SignatureDoesNotMatch",
                f"Credential should be scoped to correct service: '{service}'.",
                403,
            )
        return _signed(world, request, action, caller)


def _signed(world: World, request: Request, action: str, caller: Caller) -> Response:
    match caller.service:
        case "sts":
            return sts.answer(world, request, action, caller)
        case "iam":
            return iam.answer(world, request, action, caller)
        case "ec2":
            return iam.describe_instances(world, caller)
    return iam.describe_db_instances(world, caller)
