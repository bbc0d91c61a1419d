"""The fake AWS serves the other sources of credentials as the real services do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest

from tests.fake_aws.clients import client, refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_aws import FakeAws


WHO = """
import boto3, sys
print(boto3.Session(profile_name=sys.argv[1] or None).client("sts").get_caller_identity()["Arn"])
"""


def who(aws: FakeAws, profile: str = "", **environ: str) -> str:
    """Return the ARN that a real session of a profile is, or the last line of its error."""
    command = [sys.executable, "-c", WHO, profile]
    done = subprocess.run(
        command,
        env={**os.environ, **aws.environ(), **environ},
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or done.stderr.strip().rpartition("\n")[2]


def test_a_bearer_token_gets_role_credentials(aws: FakeAws) -> None:
    """The portal lists what a user may be, and gives credentials for it while the token lives."""
    aws.sso.add_role("Developer", account="111111111111")
    portal = client(aws, None, "sso")
    token = aws.sso.add_token()
    wanted = {"accessToken": token, "accountId": "111111111111"}
    assert portal.list_accounts(accessToken=token)["accountList"][0]["accountId"] == "111111111111"
    assert portal.list_account_roles(**wanted)["roleList"][0]["roleName"] == "Developer"
    credentials = portal.get_role_credentials(roleName="Developer", **wanted)["roleCredentials"]
    keys = {name[0].upper() + name[1:]: value for name, value in credentials.items()}
    assert "/AWSReservedSSO_Developer_" in client(aws, keys).get_caller_identity()["Arn"]
    assert (
        refusal(lambda: portal.get_role_credentials(roleName="Admin", **wanted))[0]
        == "ForbiddenException"
    )
    wanted["accessToken"] = aws.sso.add_token(seconds=-1)
    refused = refusal(lambda: portal.get_role_credentials(roleName="Developer", **wanted))
    assert refused == ("UnauthorizedException", "Session token not found or invalid")


@pytest.mark.parametrize("session", [None, "corp"], ids=["legacy", "sso_session"])
def test_a_profile_of_single_sign_on_works(aws: FakeAws, home: Path, session: str | None) -> None:
    """A real botocore session reads the login that was written, and becomes the role."""
    url = "https://example.awsapps.com/start"
    aws.sso.add_role("Developer")
    lines = ["[profile dev]", "sso_account_id = 123456789012", "sso_role_name = Developer"]
    place = [f"sso_start_url = {url}", "sso_region = us-east-1"]
    lines += [f"sso_session = {session}", f"[sso-session {session}]"] if session else []
    (home / ".aws/config").write_text("\n".join(lines + place) + "\n")
    aws.sso.write_token(home / ".aws/sso/cache", url, session=session, seconds=60, refreshable=True)
    assert who(aws, "dev").endswith("/jane")
    # A token of an sso_session that ends soon is refreshed.
    assert len(aws.calls("CreateToken")) == (1 if session else 0)


def registered(aws: FakeAws) -> tuple[Any, dict[str, str]]:
    """Return a real client of sso-oidc, and the id and secret that it registered."""
    oidc = client(aws, None, "sso-oidc")
    answer = oidc.register_client(
        clientName="test", clientType="public", scopes=["sso:account:access"]
    )
    return oidc, {"clientId": answer["clientId"], "clientSecret": answer["clientSecret"]}


def test_the_device_flow_waits_for_approval(aws: FakeAws) -> None:
    """Polls are answered pending and slow down as often as asked, then with a token that works."""
    aws.sso.pending, aws.sso.slow_down = 2, 1
    aws.sso.add_role()
    oidc, app = registered(aws)
    device = oidc.start_device_authorization(startUrl="https://example.awsapps.com/start", **app)
    poll = {
        "grantType": "urn:ietf:params:oauth:grant-type:device_code",
        "deviceCode": device["deviceCode"],
        **app,
    }
    codes = [refusal(lambda: oidc.create_token(**poll))[0] for _ in range(3)]
    assert codes == [
        "SlowDownException",
        "AuthorizationPendingException",
        "AuthorizationPendingException",
    ]
    token = oidc.create_token(**poll)
    assert client(aws, None, "sso").list_accounts(accessToken=token["accessToken"])["accountList"]
    refresh = {"grantType": "refresh_token", "refreshToken": token["refreshToken"], **app}
    assert oidc.create_token(**refresh)["accessToken"] != token["accessToken"]
    assert refusal(lambda: oidc.create_token(**refresh))[0] == "InvalidGrantException"
    poll["clientSecret"] = "wrong"
    assert refusal(lambda: oidc.create_token(**poll))[0] == "InvalidClientException"


def test_a_browser_approves_a_device(aws: FakeAws) -> None:
    """Where asked so, only the opened page ends the waiting; a denial ends it too."""
    aws.sso.approval = "browser"
    oidc, app = registered(aws)
    device = oidc.start_device_authorization(startUrl="https://example.awsapps.com/start", **app)
    poll = {
        "grantType": "urn:ietf:params:oauth:grant-type:device_code",
        "deviceCode": device["deviceCode"],
        **app,
    }
    assert refusal(lambda: oidc.create_token(**poll))[0] == "AuthorizationPendingException"
    aws.sso.approval = "denied"
    assert refusal(lambda: oidc.create_token(**poll))[0] == "AccessDeniedException"
    aws.sso.approval = "browser"
    with urlopen(device["verificationUriComplete"]) as page:  # noqa: S310
        assert b"approved" in page.read()
    assert oidc.create_token(**poll)["accessToken"]


class Stay(HTTPRedirectHandler):
    """A browser that shows where it was sent, and does not go."""

    def redirect_request(self, *_args: object) -> None:
        """Follow nothing."""


def test_the_code_flow_proves_its_key(aws: FakeAws) -> None:
    """The browser comes back with a code, which only the right verifier trades, and only once."""
    oidc, app = registered(aws)
    redirect, verifier = "http://127.0.0.1:9/oauth/callback", "v" * 43
    challenge = (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )
    query = {
        "response_type": "code",
        "client_id": app["clientId"],
        "redirect_uri": redirect,
        "state": "s",
    }
    query |= {"code_challenge": challenge, "code_challenge_method": "S256"}

    def come_back() -> dict[str, list[str]]:
        with pytest.raises(HTTPError) as sent:
            build_opener(Stay).open(f"{aws.url}/authorize?{urlencode(query)}")
        assert sent.value.code == 302
        return parse_qs(urlsplit(sent.value.headers["Location"]).query)

    answer = come_back()
    assert answer["state"] == ["s"]
    trade = {
        "grantType": "authorization_code",
        "code": answer["code"][0],
        "redirectUri": redirect,
        **app,
    }
    assert oidc.create_token(codeVerifier=verifier, **trade)["accessToken"]
    assert (
        refusal(lambda: oidc.create_token(codeVerifier=verifier, **trade))[0]
        == "InvalidGrantException"
    )
    trade["code"] = come_back()["code"][0]
    assert (
        refusal(lambda: oidc.create_token(codeVerifier="w" * 43, **trade))[0]
        == "InvalidGrantException"
    )


def test_a_container_has_credentials(aws: FakeAws) -> None:
    """A real session finds them, with the authorization token that is demanded."""
    aws.metadata.container_role = aws.add_role("task")
    aws.metadata.container_token = "Bearer it"
    assert (
        who(aws, **aws.container_environ) == "arn:aws:sts::123456789012:assumed-role/task/container"
    )
    with pytest.raises(HTTPError, match="401"):
        urlopen(aws.container_environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])  # noqa: S310


def test_an_instance_has_credentials(aws: FakeAws) -> None:
    """A real session finds them by IMDSv2, which needs a token first."""
    aws.metadata.instance_role = aws.add_role("machine")
    assert (
        who(aws, **aws.instance_environ)
        == "arn:aws:sts::123456789012:assumed-role/machine/i-0123456789abcdef0"
    )
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{aws.url}/latest/meta-data/iam/security-credentials/")  # noqa: S310


def test_a_console_login_is_refreshed(aws: FakeAws, home: Path) -> None:
    """A real session of a profile with login_session refreshes what ends soon, proving its key."""
    pytest.importorskip("awscrt")
    bob = aws.add_user("Bob")
    (home / ".aws/config").write_text(f"[profile me]\nlogin_session = {bob.arn}\n")
    path = aws.signin.write_login(home / ".aws/login/cache", bob.arn, bob, seconds=60)
    before = json.loads(path.read_text())
    assert who(aws, "me") == bob.arn
    after = json.loads(path.read_text())
    assert after["refreshToken"] != before["refreshToken"]
    assert aws.calls("CreateOAuth2Token")[0].outcome == "ok"
    aws.signin.refusal = "TOKEN_EXPIRED"
    aws.signin.write_login(home / ".aws/login/cache", bob.arn, bob, seconds=-60)
    assert "reauthenticate" in who(aws, "me")


def test_a_proof_by_another_key_is_refused(aws: FakeAws, home: Path) -> None:
    """The key that refreshes a login must be the one that it began with."""
    pytest.importorskip("awscrt")
    bob = aws.add_user("Bob")
    (home / ".aws/config").write_text(f"[profile me]\nlogin_session = {bob.arn}\n")
    path = aws.signin.write_login(home / ".aws/login/cache", bob.arn, bob, seconds=-60)
    stolen = json.loads(path.read_text()) | {"dpopKey": aws.signin.add_login(bob)["dpopKey"]}
    path.write_text(json.dumps(stolen))
    assert "ValidationException" in who(aws, "me")


def test_a_console_link_shows_who_signed_in(aws: FakeAws) -> None:
    """A role's session gets a sign-in token, whose link shows the identity and the destination."""
    role = aws.add_role()
    credentials = client(aws, aws.add_user()).assume_role(RoleArn=role.arn, RoleSessionName="me")[
        "Credentials"
    ]
    names = {
        "sessionId": "AccessKeyId",
        "sessionKey": "SecretAccessKey",
        "sessionToken": "SessionToken",
    }

    def ask(**query: str) -> bytes:
        with urlopen(Request(f"{aws.url}/federation", urlencode(query).encode())) as answer:  # noqa: S310
            return bytes(answer.read())

    session = {name: credentials[field] for name, field in names.items()}
    token = json.loads(
        ask(Action="getSigninToken", Session=json.dumps(session), SessionDuration="3600")
    )
    destination = "https://console.aws.amazon.com/ec2?a=1&b=2"
    page = ask(Action="login", Destination=destination, **token)
    assert b'<span id="arn">arn:aws:sts::123456789012:assumed-role/example-role/me</span>' in page
    assert b'href="https://console.aws.amazon.com/ec2?a=1&amp;b=2"' in page
    for bad in (session | {"sessionKey": "wrong"}, {}, session | {"sessionId": "AKIA"}):
        with pytest.raises(HTTPError, match="400"):
            ask(Action="getSigninToken", Session=json.dumps(bad))
    assert [call.outcome for call in aws.calls("getSigninToken")] == ["ok", "400", "400", "400"]


def test_a_fault_reaches_every_source(aws: FakeAws) -> None:
    """What a fault puts in the place of fields shows in JSON credentials as well."""
    aws.metadata.container_role = aws.add_role("task")
    aws.fault(
        "fields", "GetContainerCredentials", fields={"SecretAccessKey": "it's", "Token": "other"}
    )
    with urlopen(f"{aws.url}/container/credentials") as answer:  # noqa: S310
        shown = json.load(answer)
    assert (shown["SecretAccessKey"], shown["Token"]) == ("it's", "other")
