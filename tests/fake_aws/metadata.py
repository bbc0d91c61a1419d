"""The credentials that a container or an instance finds in its surroundings.

Follows https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html and
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html (IMDSv2).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from .assume import show_credentials
from .errors import AwsError
from .http import Response, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http import Request
    from .model import Keys, Role
    from .world import World

ROLES = "/latest/meta-data/iam/security-credentials/"
SESSION_SECONDS = 21600
INSTANCE = "i-0123456789abcdef0"


class Metadata:
    """The role of a container and of an instance; without one there are no credentials.

    Whoever asks is given the same keys, until half of their life is over.
    `container_token`: what a container must send as Authorization; None for nothing.
    `region`: where the instance runs.
    """

    def __init__(self) -> None:
        """Begin with no role."""
        self.container_role: Role | None = None
        self.container_token: str | None = None
        self.instance_role: Role | None = None
        self.region = "us-east-1"
        self.tokens: set[str] = set()
        self.issued: dict[str, Keys] = {}


def _show(world: World, request: Request, role: Role, name: str) -> dict[str, Any]:
    issued = world.metadata.issued
    with world.lock:
        keys = issued.get(role.arn)
        half = (SESSION_SECONDS if world.lifetime is None else world.lifetime) / 2
        # A key that was revoked or made to expire is another than the world's.
        if (
            keys is None
            or world.keys.get(keys.access_key_id) != keys
            or (keys.expiration or 0) - world.now() < half
        ):
            keys = issued[role.arn] = world.issue(role, name, SESSION_SECONDS)
    shown = show_credentials(keys, request)
    return {{"SessionToken": "Token"}.get(field, field): value for field, value in shown.items()}


def container(world: World, request: Request) -> Response:
    """Answer a container's request for its credentials."""
    known = world.metadata
    if (
        known.container_token is not None
        and request.header("Authorization") != known.container_token
    ):
        raise AwsError("Unauthorized", "Invalid authorization token", 401)
    if known.container_role is None:
        raise AwsError("NoCredentials", "No role is assigned", 404)
    shown = _show(world, request, known.container_role, "container")
    return json_answer(
        {**shown, "RoleArn": known.container_role.arn, "AccountId": known.container_role.account}
    )


def instance_token(world: World, request: Request) -> Response:
    """Answer an instance's request for a token of IMDSv2."""
    seconds = request.header("X-aws-ec2-metadata-token-ttl-seconds")
    if not seconds.isdigit() or not 1 <= int(seconds) <= SESSION_SECONDS:
        return Response(b"Bad Request", 400, "text/plain")
    token = secrets.token_urlsafe(40)
    world.metadata.tokens.add(token)
    headers = {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": seconds}
    return Response(token.encode(), 200, "text/plain", headers)


def instance_credentials(world: World, request: Request) -> Response:
    """Answer an instance's request for the name of its role, or for the role's credentials."""
    if request.header("X-aws-ec2-metadata-token") not in world.metadata.tokens:
        return Response(b"Unauthorized", 401, "text/plain")
    role = world.metadata.instance_role
    wanted = request.path.removeprefix(ROLES)
    if role is None or wanted not in {"", role.name}:
        return Response(b"Not Found", 404, "text/plain")
    if not wanted:
        return Response(role.name.encode(), 200, "text/plain")
    shown = _show(world, request, role, INSTANCE)
    return json_answer(
        {"Code": "Success", "LastUpdated": "2024-01-01T00:00:00Z", "Type": "AWS-HMAC", **shown}
    )


def instance_zone(world: World, request: Request) -> Response:
    """Answer an instance's request for its availability zone."""
    if request.header("X-aws-ec2-metadata-token") not in world.metadata.tokens:
        return Response(b"Unauthorized", 401, "text/plain")
    return Response(f"{world.metadata.region}a".encode(), 200, "text/plain")


ROUTES: dict[tuple[str, str], tuple[str, Callable[[World, Request], Response]]] = {
    ("GET", "/container/credentials"): ("GetContainerCredentials", container),
    ("PUT", "/latest/api/token"): ("GetInstanceToken", instance_token),
    ("GET", ROLES): ("GetInstanceCredentials", instance_credentials),
    ("GET", "/latest/meta-data/placement/availability-zone"): ("GetInstanceZone", instance_zone),
    ("GET", "/latest/meta-data/placement/availability-zone/"): ("GetInstanceZone", instance_zone),
}
