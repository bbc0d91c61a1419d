"""Logs in to IAM Identity Center (SSO), and leaves the token where every SDK looks for it.

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/Welcome.html; the file's name and form are those of
botocore's SSOTokenLoader (botocore/utils.py) and SSOTokenProvider (botocore/tokens.py).
"""

import base64
import contextlib
import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from awsassume import (
    browser,
    chains,
    display,
    folders,
    paths,
    person,
    private,
    spelling,
    spinner,
    sts,
)
from awsassume.clock import Clock
from awsassume.config import Config, Profile, did_you_mean
from awsassume.credentials import Credentials, timestamp
from awsassume.errors import ConfigurationFailure, Failure, SourceFailure, UsageFailure
from awsassume.identity import sso_token_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from awsassume.program import Program
    from awsassume.request import Request

CLIENT_NAME = "awsassume"
CALLBACK = "/oauth/callback"
BROWSER_SECONDS = 600
SLOWER_SECONDS = 5
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# More than a token and its registration ever are.
_TOKEN_BYTES = 8192
_SCOPE = "sso:account:access"


class SignOn(NamedTuple):
    """An IAM Identity Center as the config file names it; ``session`` is ``None`` where a profile does, without a section."""

    session: str | None
    start_url: str
    region: str
    scopes: tuple[str, ...]
    profile: Profile | None = None

    @property
    def path(self) -> str:
        """The token's file, by botocore's rule."""
        return sso_token_path(self.session or self.start_url)

    def __str__(self) -> str:
        """Name it in the user's words."""
        return f'sso-session "{self.session}"' if self.session else self.start_url


class Terms(NamedTuple):
    """How a login goes: ``opens`` a browser or only shows where to go; ``show`` writes that, ``tell`` is for --verbose."""

    opens: bool
    environ: Mapping[str, str]
    show: Callable[[str], None]
    tell: Callable[[str], None]
    waiting: spinner.Waiting


def run(program: "Program", request: "Request") -> int:
    """Log in. Raises Failure."""
    config = Config(program.past)
    found = sign_on(config, request.role or "")

    def tell(text: str) -> None:
        if request.verbose:
            program.say(text)

    def show(text: str) -> None:
        if request.no_open:
            display.show_lines(program, [[line] for line in text.split("\n")])
        else:
            program.say(text)

    opens = not request.no_open and browser.can_open(program.environ)
    waiting = spinner.waiting(program, request)
    until = log_in(config, found, Terms(opens, program.environ, show, tell, waiting))
    if not request.quiet:
        program.say(f"logged in to {found} until {timestamp(until)}")
    return 0


def sign_on(config: Config, name: str) -> SignOn:
    """Find the sign-on that a profile, its source, or an sso-session section of this name stands for.

    Raises ConfigurationFailure or UsageFailure.
    """
    profile = config.find(name)
    sessions: Mapping[str, Any] = config.full.get("sso_sessions", {})
    if profile is None:
        if name in sessions:
            return _session(config, name)
        names = [*config.names, *sessions]
        raise ConfigurationFailure(
            f'--login "{name}" is not in {config.config_file}', did_you_mean(name, names)
        )
    if profile.role_arn:
        origin = chains.follow(config, profile).origin
        profile = (config.find(origin.name) if origin.kind == "profile" else None) or profile
    if (session := profile.get("sso_session")) is not None:
        return _session(config, session)._replace(profile=profile)
    if profile.get("login_session"):
        raise UsageFailure(
            f'profile "{profile.name}" is logged in by the AWS CLI',
            f"run: {spelling.command(['aws', 'login', '--profile', profile.name])}",
        )
    if not profile.get("sso_start_url"):
        raise UsageFailure(
            f'profile "{profile.name}" names no SSO to log in to', "run: aws configure sso"
        )
    return SignOn(None, *_place(config, profile, f'profile "{profile.name}"'), (), profile)


def _session(config: Config, name: str) -> SignOn:
    values = config.sign_on(name)
    if values is None:
        raise ConfigurationFailure(
            f'sso-session "{name}" is not in {config.config_file}', f"edit {config.config_file}"
        )
    section = Profile(name, values)
    scopes = section.get("sso_registration_scopes") or _SCOPE
    return SignOn(
        name,
        *_place(config, section, f'sso-session "{name}"'),
        tuple(scope.strip() for scope in scopes.split(",") if scope.strip()),
    )


def _place(config: Config, section: Profile, where: str) -> tuple[str, str]:
    found = []
    for key in ("sso_start_url", "sso_region"):
        value = section.get(key)
        if not value:
            raise ConfigurationFailure(f"{where} has no {key}", f"edit {config.config_file}")
        found.append(value)
    return found[0], found[1]


def log_in(config: Config, found: SignOn, terms: Terms) -> int:
    """Log in, write the token, and give the instant (epoch seconds) at which it ends. Raises Failure.

    With a browser and an sso-session it is the code flow with PKCE, which nobody can be talked into approving for somebody
    else; otherwise the device flow, whose code must be compared.
    """
    _try_place(found)
    # No call of these is signed.
    nobody = Credentials("none", "none")
    clock = Clock(float(2 * BROWSER_SECONDS))
    aws = sts.Aws(config, found.profile, found.region, nobody, clock, terms.tell)
    token = client = None
    if terms.opens and found.session:
        client = _register(
            aws,
            found,
            grantTypes=["authorization_code", "refresh_token"],
            redirectUris=[f"http://127.0.0.1{CALLBACK}"],
            issuerUrl=found.start_url,
        )
        token = _by_code(aws, found, client, terms)
        if token is None:
            terms.tell("no browser could be started; taking the device flow")
            terms = terms._replace(opens=False)
    if token is None:
        client = _register(aws, found)
        token = _by_device(aws, found, client, terms)
    return _keep(found, client or {}, token)


def _register(aws: sts.Aws, found: SignOn, **more: object) -> dict[str, Any]:
    if found.scopes:
        more["scopes"] = list(found.scopes)
    return aws.call(
        "sso-oidc", "register_client", clientName=CLIENT_NAME, clientType="public", **more
    )


def _app(client: Mapping[str, Any]) -> dict[str, str]:
    return {"clientId": str(client["clientId"]), "clientSecret": str(client["clientSecret"])}


def _by_code(
    aws: sts.Aws, found: SignOn, client: Mapping[str, Any], terms: Terms
) -> dict[str, Any] | None:
    """Trade the code that the browser comes back with; ``None`` where no browser could be started. RFC 7636, RFC 8252."""
    verifier = secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    with browser.Page(callback=CALLBACK) as page:
        redirect = f"http://127.0.0.1:{page.port}{CALLBACK}"
        query = {
            "response_type": "code",
            "client_id": client["clientId"],
            "redirect_uri": redirect,
            "state": page.state,
            "code_challenge_method": "S256",
            "scopes": " ".join(found.scopes),
            "code_challenge": challenge.decode(),
        }
        endpoint = aws.client("sso-oidc").meta.endpoint_url
        link = f"{endpoint}/authorize?{urlencode(query, quote_via=quote)}"
        page.link = browser.checked(link, str(found))
        with terms.waiting(f"the login to {found} in the browser"):
            opener = browser.Opener(page.address, terms.environ)
            until = time.monotonic() + BROWSER_SECONDS
            while not page.returned.wait(0.1):
                if opener.has_failed and not page.opened.is_set():
                    return None
                if time.monotonic() > until:
                    raise _never(found)
        answer = page.query
    if "code" not in answer:
        said = _plain(answer.get("error", ""))
        raise SourceFailure(f"the login to {found} was refused ({said})", quotes=(said,))
    return aws.call(
        "sso-oidc",
        "create_token",
        grantType="authorization_code",
        code=answer["code"],
        redirectUri=redirect,
        codeVerifier=verifier,
        **_app(client),
    )


def _by_device(
    aws: sts.Aws, found: SignOn, client: Mapping[str, Any], terms: Terms
) -> dict[str, Any]:
    """Wait until somebody has approved a code in a browser, here or anywhere. RFC 8628."""
    device = aws.call(
        "sso-oidc", "start_device_authorization", startUrl=found.start_url, **_app(client)
    )
    link = browser.checked(str(device["verificationUriComplete"]), str(found))
    # A line end in it would make a line that seems to be ours.
    code = person.plain(str(device["userCode"]))
    until = time.monotonic() + min(float(device["expiresIn"]), float(BROWSER_SECONDS))
    pause = float(device.get("interval", SLOWER_SECONDS))
    with browser.Page(link) as page:
        opener = None
        if terms.opens:
            opener = browser.Opener(page.address, terms.environ)
            terms.show(f"approve the login in the browser, if it shows this code: {code}")
        else:
            terms.show(f"open {link}\nand approve the login, if it shows this code: {code}")
        with terms.waiting(f"the login to {found} in the browser"):
            while True:
                token = _poll(aws, found, device, client)
                if isinstance(token, dict):
                    return token
                pause += token
                if opener and opener.has_failed and not page.opened.is_set():
                    opener = None
                    terms.show(f"no browser could be started; open {link}")
                if time.monotonic() > until:
                    raise _never(found)
                time.sleep(pause)


def _poll(
    aws: sts.Aws, found: SignOn, device: Mapping[str, Any], client: Mapping[str, Any]
) -> dict[str, Any] | int:
    """Ask for the token; give it, or by how many seconds to ask more slowly."""
    try:
        return aws.call(
            "sso-oidc",
            "create_token",
            grantType=_DEVICE_GRANT,
            deviceCode=device["deviceCode"],
            **_app(client),
        )
    except Failure as failure:
        code = getattr(failure, "code", "")
        if code == "AuthorizationPendingException":
            return 0
        if code == "SlowDownException":
            return SLOWER_SECONDS
        if code == "ExpiredTokenException":
            raise _never(found) from None
        if code == "AccessDeniedException":
            raise SourceFailure(f"the login to {found} was refused in the browser") from None
        raise


def _never(found: SignOn) -> SourceFailure:
    return SourceFailure(f"nobody approved the login to {found} in time", "try again")


def _keep(found: SignOn, client: Mapping[str, Any], answer: Mapping[str, Any]) -> int:
    """Write the token, readable by this user alone, whole or not at all. Raises SourceFailure."""
    until = int(time.time()) + int(answer["expiresIn"])
    token: dict[str, Any] = {
        "startUrl": found.start_url,
        "region": found.region,
        "accessToken": answer["accessToken"],
        "expiresAt": timestamp(until),
    }
    if answer.get("refreshToken"):
        token["clientId"] = client["clientId"]
        token["clientSecret"] = client["clientSecret"]
        token["registrationExpiresAt"] = timestamp(int(client["clientSecretExpiresAt"]))
        token["refreshToken"] = answer["refreshToken"]
    try:
        folders.replace(found.path, json.dumps(token).encode())
    except (OSError, private.UntrustedError) as error:
        raise _unkept(found, error) from None
    return until


def _try_place(found: SignOn) -> None:
    """Make the folder of the token, and write there as the token will be. Raises SourceFailure.

    It is tried before anybody is asked to log in. What is there already, the AWS CLI's as a rule, is left as it is.
    """
    strange = paths.strange_home(os.environ)
    if strange and strange.startswith("HOME="):
        raise SourceFailure(
            f"the token can't be kept in {found.path}: {strange} is another user's, who could not use it",
            "log in as that user, or with a HOME of your own",
        )
    folder = os.path.dirname(found.path)
    # The mode that makedirs takes is the last one's; under umask 000 those above it would be everybody's.
    umask = os.umask(0o077)
    try:
        os.makedirs(folder, exist_ok=True)
        if os.path.isdir(found.path) and not os.path.islink(found.path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        trial = f"{folder}/{private.TEMPORARY}{secrets.token_hex(8)}"
        try:
            folders.replace(trial, b" " * _TOKEN_BYTES)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(trial)
    except OSError as error:
        raise _unkept(found, error) from None
    finally:
        os.umask(umask)


def _unkept(found: SignOn, error: Exception) -> SourceFailure:
    why = getattr(error, "strerror", None) or error
    return SourceFailure(
        f"the token can't be kept in {found.path}: {why}", f"check {os.path.dirname(found.path)}"
    )


def _plain(text: str) -> str:
    return person.plain(text[:80], "") or "no reason given"
