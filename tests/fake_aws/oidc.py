"""Logging in to single sign-on: the device flow, the code flow with PKCE, and refresh.

Follows https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_Operations.html
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from .errors import AwsError
from .http import html, json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .http import Request, Response
    from .world import World

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_SECONDS = 600


def register_client(world: World, request: Request) -> Response:
    """Answer RegisterClient."""
    if not request.get("clientName") or request.get("clientType") != "public":
        raise AwsError("InvalidClientMetadataException", "Invalid client metadata", 400)
    client, secret = world.sso.add_client()
    now = int(world.now())
    return json_answer(
        {
            "clientId": client,
            "clientSecret": secret,
            "clientIdIssuedAt": now,
            "clientSecretExpiresAt": now + 90 * 86400,
        }
    )


def check_client(world: World, request: Request) -> None:
    """Raise InvalidClientException unless the request comes from a registered client."""
    secret = world.sso.clients.get(request.get("clientId") or "")
    if secret is None or secret != request.get("clientSecret"):
        raise AwsError("InvalidClientException", "Invalid client provided", 401)


def start_device_authorization(world: World, request: Request) -> Response:
    """Answer StartDeviceAuthorization."""
    check_client(world, request)
    device_code = secrets.token_urlsafe(60)
    letters = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8))
    user_code = f"{letters[:4]}-{letters[4:]}"
    world.sso.devices[device_code] = {"user_code": user_code, "approved": False, "polls": 0}
    page = f"http://{request.header('Host')}/device"
    return json_answer(
        {
            "deviceCode": device_code,
            "userCode": user_code,
            "verificationUri": page,
            "verificationUriComplete": f"{page}?user_code={user_code}",
            "expiresIn": DEVICE_SECONDS,
            "interval": world.sso.interval,
        }
    )


def approve_device(world: World, request: Request) -> Response:
    """Show the page that a browser opens, by which the login is approved."""
    for device in world.sso.devices.values():
        if device["user_code"] == request.get("user_code"):
            device["approved"] = True
            return html("<h1>Request approved</h1>")
    return html("<h1>Unknown code</h1>", 400)


def authorize(world: World, request: Request) -> Response:
    """Send the browser back to the client with a code, as after the user's consent."""
    redirect = request.get("redirect_uri") or ""
    challenge = request.get("code_challenge")
    known = request.get("client_id") in world.sso.clients
    if not known or not challenge or request.get("code_challenge_method") != "S256" or not redirect:
        return html("<h1>Invalid request</h1>", 400)
    state = {"state": request.get("state") or ""}
    if world.sso.approval == "denied":
        return html(
            "", 302, {"Location": f"{redirect}?{urlencode({'error': 'access_denied'} | state)}"}
        )
    code = secrets.token_urlsafe(40)
    world.sso.codes[code] = {
        "challenge": challenge,
        "redirect": redirect,
        "client": request.get("client_id") or "",
    }
    return html("", 302, {"Location": f"{redirect}?{urlencode({'code': code} | state)}"})


def create_token(world: World, request: Request) -> Response:
    """Answer CreateToken."""
    check_client(world, request)
    grant = request.get("grantType")
    grants = {DEVICE_GRANT: _device, "refresh_token": _refresh, "authorization_code": _code}
    if grant not in grants:
        raise AwsError("UnsupportedGrantTypeException", "Unsupported grant type", 400)
    user = grants[grant](world, request)
    return json_answer(
        {
            "accessToken": world.sso.add_token(user=user),
            "tokenType": "Bearer",
            "expiresIn": world.sso.token_seconds,
            "refreshToken": world.sso.add_refresh_token(user),
        }
    )


def _device(world: World, request: Request) -> str:
    sso = world.sso
    device = sso.devices.get(request.get("deviceCode") or "")
    if device is None:
        raise AwsError("InvalidGrantException", "Invalid device code provided", 400)
    device["polls"] += 1
    if sso.slow_down > 0:
        sso.slow_down -= 1
        raise AwsError("SlowDownException", "Too many requests", 400)
    if sso.approval == "denied":
        raise AwsError("AccessDeniedException", "Access denied", 400)
    if sso.approval == "expired":
        raise AwsError("ExpiredTokenException", "Device code has expired", 400)
    if sso.pending > 0 or (sso.approval == "browser" and not device["approved"]):
        sso.pending = max(0, sso.pending - 1)
        raise AwsError("AuthorizationPendingException", "Authorization is pending", 400)
    del sso.devices[request.get("deviceCode") or ""]
    return sso.user


def _refresh(world: World, request: Request) -> str:
    user = world.sso.refresh_tokens.pop(request.get("refreshToken") or "", None)
    if user is None:
        raise AwsError("InvalidGrantException", "Invalid refresh token provided", 400)
    return user


def _code(world: World, request: Request) -> str:
    known = world.sso.codes.pop(request.get("code") or "", None)
    digest = hashlib.sha256((request.get("codeVerifier") or "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    sent = {
        "challenge": challenge,
        "redirect": request.get("redirectUri"),
        "client": request.get("clientId"),
    }
    if known != sent:
        raise AwsError("InvalidGrantException", "Invalid authorization code provided", 400)
    return world.sso.user


ROUTES: dict[tuple[str, str], tuple[str, Callable[[World, Request], Response]]] = {
    ("POST", "/client/register"): ("RegisterClient", register_client),
    ("POST", "/device_authorization"): ("StartDeviceAuthorization", start_device_authorization),
    ("POST", "/token"): ("CreateToken", create_token),
    ("GET", "/device"): ("ApproveDevice", approve_device),
    ("GET", "/authorize"): ("Authorize", authorize),
}
