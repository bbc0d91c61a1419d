"""The sign-in service: refresh of what `aws login` began, and the console's federation endpoint.

Follows botocore's `login` credential provider and service model `signin`, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from .assume import show_credentials
from .dpop import new_key, proven_key
from .http import Response, html, json_answer
from .model import Keys, Role, User

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .http import Request
    from .world import World

CLIENT = "arn:aws:signin:::devtools/same-device"
LOGIN_SECONDS = 900


class Signin:
    """Who is logged in, and the sign-in tokens that were given.

    `refusal`: the OAuth error of every refresh, such as TOKEN_EXPIRED or INSUFFICIENT_PERMISSIONS;
    None for none.
    """

    def __init__(self, world: World) -> None:
        """Begin with nobody logged in."""
        self.world = world
        self.refusal: str | None = None
        self.logins: dict[str, tuple[User | Role, str]] = {}
        self.signin_tokens: dict[str, str] = {}

    def add_login(self, keys: Keys, *, seconds: float = LOGIN_SECONDS) -> dict[str, Any]:
        """Log a user in; return what `aws login` writes, with credentials that live so long."""
        pem, public = new_key()
        session = self.world.issue(keys.owner, "login", seconds, mfa=True)
        refresh_token = secrets.token_urlsafe(60)
        self.logins[refresh_token] = (keys.owner, public)
        return {
            "accessToken": {
                "accessKeyId": session.access_key_id,
                "secretAccessKey": session.secret_access_key,
                "sessionToken": session.session_token,
                "accountId": session.account,
                "expiresAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expiration)),
            },
            "tokenType": "aws_sigv4",
            "refreshToken": refresh_token,
            "clientId": CLIENT,
            "dpopKey": pem,
        }

    def write_login(
        self, directory: Path, session: str, keys: Keys, *, seconds: float = LOGIN_SECONDS
    ) -> Path:
        """Write what `aws login` leaves in ~/.aws/login/cache for a profile's `login_session`."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{hashlib.sha256(session.encode()).hexdigest()}.json"
        path.write_text(json.dumps(self.add_login(keys, seconds=seconds)), encoding="utf-8")
        path.chmod(0o600)
        return path


def create_token(world: World, request: Request) -> Response:
    """Answer CreateOAuth2Token for a refresh token, which is used up and replaced."""
    signin = world.signin
    if signin.refusal is not None:
        return _refused(signin.refusal)
    if request.get("grantType") != "refresh_token" or request.get("clientId") != CLIENT:
        return _refused("INVALID_REQUEST", "ValidationException", 400)
    owner, public = signin.logins.pop(request.get("refreshToken") or "", (None, ""))
    if owner is None:
        return _refused("TOKEN_EXPIRED")
    if proven_key(request.header("DPoP"), f"http://{request.header('Host')}/v1/token") != public:
        return _refused("INVALID_REQUEST", "ValidationException", 400)
    refresh_token = secrets.token_urlsafe(60)
    signin.logins[refresh_token] = (owner, public)
    shown = show_credentials(world.issue(owner, "login", LOGIN_SECONDS, mfa=True), request)
    shown.pop("Expiration", None)
    access_token = {name[0].lower() + name[1:]: value for name, value in shown.items()}
    lifetime = LOGIN_SECONDS if world.lifetime is None else int(world.lifetime)
    answer = {"accessToken": access_token, "tokenType": "aws_sigv4", "expiresIn": lifetime}
    return json_answer(answer | {"refreshToken": refresh_token})


def _refused(error: str, code: str = "AccessDeniedException", status: int = 403) -> Response:
    return json_answer(
        {"error": error, "message": f"Refused: {error}"}, status, {"x-amzn-ErrorType": code}
    )


def federation(world: World, request: Request) -> Response:
    """Answer the console's federation endpoint: getSigninToken, and login."""
    action = request.get("Action")
    if action == "getSigninToken":
        return _get_signin_token(world, request)
    if action == "login":
        return _login(world, request)
    return html("<h1>Bad request</h1>", 400)


def _get_signin_token(world: World, request: Request) -> Response:
    try:
        session = json.loads(request.get("Session") or "")
        keys = world.keys[session["sessionId"]]
        secret, token = str(session["sessionKey"]), str(session["sessionToken"])
    except (ValueError, KeyError, TypeError):
        return html("<h1>Bad request</h1>", 400)
    duration = request.get("SessionDuration")
    good = (
        hmac.compare_digest(secret.encode(), keys.secret_access_key.encode())
        and token == keys.session_token
        and (keys.expiration or 0) > world.now()
        and isinstance(keys.owner, Role)
        and (
            duration is None
            or (duration.isdigit() and 900 <= int(duration) <= 43200 and not keys.chained)
        )
    )
    if not good:
        return html("<h1>Bad request</h1>", 400)
    signin_token = secrets.token_urlsafe(300)
    world.signin.signin_tokens[signin_token] = keys.arn
    return json_answer({"SigninToken": signin_token})


def _login(world: World, request: Request) -> Response:
    arn = world.signin.signin_tokens.get(request.get("SigninToken") or "")
    destination = request.get("Destination")
    if arn is None or not destination:
        return html("<h1>Your session has expired, or the request is not valid</h1>", 400)
    where = escape(destination, {'"': "&quot;"})
    text = f'<h1>Signed in as <span id="arn">{escape(arn)}</span></h1>'
    text += f'<a id="destination" href="{where}">{where}</a>'
    return html(text, headers={"Set-Cookie": "aws-userInfo=fake; HttpOnly"})


ROUTES: dict[tuple[str, str], tuple[str, Callable[[World, Request], Response]]] = {
    ("POST", "/v1/token"): ("CreateOAuth2Token", create_token),
    ("GET", "/federation"): ("Federation", federation),
    ("POST", "/federation"): ("Federation", federation),
}
