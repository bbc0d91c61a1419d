"""The portal of single sign-on: role credentials for a bearer token.

Follows https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_Operations.html
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from calendar import timegm
from typing import TYPE_CHECKING, Any

from .assume import show_credentials
from .errors import AwsError
from .http import json_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .http import Request, Response
    from .model import Role
    from .world import World

STAMP = "%Y-%m-%dT%H:%M:%SZ"


class Sso:
    """The sign-on: the roles that its users may have, their bearer tokens, and how logins go.

    `user`: who logs in from now on; whoever holds a token that was given before stays who it was.
    `pending`, `slow_down`: how many polls for a token are answered so, before a login is approved.
    `approval`: who approves a login: `at-once` anybody, `browser` whoever opens the page;
    `denied` and `expired` are logins that fail.
    `interval`: seconds that a client is told to leave between polls.
    `token_seconds`: how long an access token lives.
    """

    def __init__(self, world: World) -> None:
        """Begin with no roles and no tokens."""
        self.world = world
        self.user = "jane"
        self.pending = 0
        self.slow_down = 0
        self.approval = "at-once"
        self.interval = 1
        self.token_seconds = 3600
        self.roles: dict[tuple[str, str], Role] = {}
        self.tokens: dict[str, tuple[float, str]] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.clients: dict[str, str] = {}
        self.devices: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, str]] = {}

    def add_role(
        self, name: str = "Developer", *, account: str | None = None, allow: Iterable[str] = ("*",)
    ) -> Role:
        """Assign a permission set in an account to the user; return the role that stands for it."""
        account = account or self.world.account
        reserved = f"AWSReservedSSO_{name}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        path = "/aws-reserved/sso.amazonaws.com/"
        role = self.world.add_role(
            reserved, account=account, path=path, max_session_duration=43200, allow=allow
        )
        self.roles[account, name] = role
        return role

    def add_token(self, seconds: float | None = None, user: str | None = None) -> str:
        """Return a new access token of a user, the current one if none is named, that lives so long."""
        token = f"aoaAAAAAG{secrets.token_urlsafe(60)}"
        until = self.world.now() + (self.token_seconds if seconds is None else seconds)
        self.tokens[token] = (until, user or self.user)
        return token

    def add_refresh_token(self, user: str | None = None) -> str:
        """Return a new refresh token of a user, the current one if none is named."""
        token = f"aorAAAAAG{secrets.token_urlsafe(60)}"
        self.refresh_tokens[token] = user or self.user
        return token

    def add_client(self) -> tuple[str, str]:
        """Return the id and the secret of a newly registered client."""
        client = secrets.token_urlsafe(24)
        self.clients[client] = secrets.token_urlsafe(90)
        return client, self.clients[client]

    def write_token(
        self,
        directory: Path,
        start_url: str = "https://example.awsapps.com/start",
        *,
        session: str | None = None,
        region: str = "us-east-1",
        seconds: float = 3600,
        refreshable: bool = False,
    ) -> Path:
        """Write what `aws sso login` leaves in ~/.aws/sso/cache; `session` is an sso_session."""
        token = {
            "startUrl": start_url,
            "region": region,
            "accessToken": self.add_token(seconds),
            "expiresAt": time.strftime(STAMP, time.gmtime(self.world.now() + seconds)),
        }
        if refreshable:
            client, secret = self.add_client()
            registered = time.strftime(STAMP, time.gmtime(self.world.now() + 90 * 86400))
            token |= {
                "clientId": client,
                "clientSecret": secret,
                "registrationExpiresAt": registered,
            }
            token["refreshToken"] = self.add_refresh_token()
        name = hashlib.sha1((session or start_url).encode(), usedforsecurity=False).hexdigest()
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{name}.json"
        path.write_text(json.dumps(token), encoding="utf-8")
        path.chmod(0o600)
        return path

    def check(self, request: Request) -> str:
        """Return whose bearer token came with the request; UnauthorizedException without a live one."""
        until, user = self.tokens.get(request.header("x-amz-sso_bearer_token"), (0, ""))
        if until <= self.world.now():
            raise AwsError("UnauthorizedException", "Session token not found or invalid", 401)
        return user


def get_role_credentials(world: World, request: Request) -> Response:
    """Answer GetRoleCredentials."""
    user = world.sso.check(request)
    role = world.sso.roles.get((request.get("account_id") or "", request.get("role_name") or ""))
    if role is None:
        raise AwsError("ForbiddenException", "No access", 403)
    shown = show_credentials(world.issue(role, user, 3600), request)
    credentials = {name[0].lower() + name[1:]: value for name, value in shown.items()}
    if "expiration" in credentials:
        credentials["expiration"] = _milliseconds(credentials["expiration"])
    return json_answer({"roleCredentials": credentials})


def _milliseconds(stamp: object) -> object:
    try:
        return timegm(time.strptime(str(stamp), STAMP)) * 1000
    except ValueError:
        return stamp


def list_accounts(world: World, request: Request) -> Response:
    """Answer ListAccounts."""
    world.sso.check(request)
    accounts = dict.fromkeys(account for account, _ in world.sso.roles)
    shown = [{"accountId": account, "accountName": f"account {account}"} for account in accounts]
    return json_answer({"accountList": shown})


def list_account_roles(world: World, request: Request) -> Response:
    """Answer ListAccountRoles."""
    world.sso.check(request)
    wanted = request.get("account_id")
    roles = [
        {"roleName": name, "accountId": account}
        for account, name in world.sso.roles
        if account == wanted
    ]
    return json_answer({"roleList": roles})


def logout(world: World, request: Request) -> Response:
    """Answer Logout."""
    world.sso.check(request)
    del world.sso.tokens[request.header("x-amz-sso_bearer_token")]
    return json_answer({})


ROUTES: dict[tuple[str, str], tuple[str, Callable[[World, Request], Response]]] = {
    ("GET", "/federation/credentials"): ("GetRoleCredentials", get_role_credentials),
    ("GET", "/assignment/accounts"): ("ListAccounts", list_accounts),
    ("GET", "/assignment/roles"): ("ListAccountRoles", list_account_roles),
    ("POST", "/logout"): ("Logout", logout),
}
