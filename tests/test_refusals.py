"""Each way in which AWS refuses, or can't be reached, has its own sentence and next step; and where AWS is called."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write
from tests.conftest import need
from tests.fake_aws import FakeAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.model import Keys

ROLE = "arn:aws:iam::123456789012:role/r"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Give Bob, and the role `r` that trusts everybody, by the profile `x`."""
    bob = aws.add_user("Bob")
    aws.add_role("r", trust="*")
    write(
        home,
        f"[profile bob]\n{lines_of(bob)}[profile x]\nrole_arn = {ROLE}\nsource_profile = bob\n",
    )
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return bob


REFUSALS = [
    # AWS's code and words, the exit code, the sentence, the next step.
    ("AccessDenied", "User: Bob is not authorized to perform: sts:AssumeRole", 5,
     "AWS refused AssumeRole: User: Bob is not authorized", "run: awsassume --explain x"),
    ("ExpiredToken", "The security token included in the request is expired", 4,
     'the credentials of profile "bob" have expired', "put new ones into"),
    ("InvalidClientTokenId", "The security token included in the request is invalid.", 4,
     "AWS does not know the access key AKIA", "was it deleted?"),
    ("SignatureDoesNotMatch", "The request signature we calculated does not match", 4,
     "the secret of the access key AKIA", "give it again"),
    ("RegionDisabledException", "STS is not activated in this region", 5,
     "STS is not active in us-east-1 for this account", "give --region us-east-1"),
    ("MalformedPolicyDocument", "Syntax errors in policy.", 5,
     "AWS can't read the session policy", "against the policy grammar"),
    ("PackedPolicyTooLarge", "Packed policy consumes 120% of allotted space", 5,
     "the session policies and tags together are too large", "give a shorter policy"),
    ("Throttling", "Rate exceeded", 5, "AWS is throttling AssumeRole", "wait a little"),
    ("RequestTimeTooSkewed", "The difference is too large", 5, "this machine's clock is wrong", "date -u"),
    ("IDPCommunicationError", "Error", 5, "STS could not reach the identity provider", "try again"),
    ("SomethingNew", "AWS thought of this later", 5, "AWS refused AssumeRole: AWS thought of this later", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    "code, words, exit_code, sentence, step", REFUSALS, ids=[row[0] for row in REFUSALS]
)
@pytest.mark.usefixtures("bob")
def test_each_refusal_has_its_own_sentence_and_next_step(
    aws: FakeAws, run: Callable[..., Result],
    code: str, words: str, exit_code: int, sentence: str, step: str,
) -> None:  # fmt: skip
    """AWS's own code is kept, so that it can be looked up."""
    aws.fault("error", "AssumeRole", code=code, message=words, status=403)
    said = run("x", code=exit_code)
    assert sentence in said.stderr
    assert step in said.stderr
    assert code in said.stderr
    assert said.stdout == "false;\n"
    assert said.stderr.count("\n") == (2 if step else 1)


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("offset, side", [(3600, "60 minutes behind"), (-3600, "60 minutes ahead")])
def test_a_clock_that_is_wrong_is_told_by_how_much(
    aws: FakeAws, run: Callable[..., Result], offset: float, side: str
) -> None:
    """AWS says that a signature expired; what is wrong is the clock, which botocore corrects where it can."""
    aws.clock_offset = offset
    words = "Signature expired: 20240101T000000Z is now earlier than 20240101T005500Z"
    aws.fault("error", "AssumeRole", code="SignatureDoesNotMatch", message=words, status=403)
    said = run("x", code=5)
    assert f"this machine's clock is wrong: it is {side}" in said.stderr
    assert "(SignatureDoesNotMatch)" in said.stderr


@pytest.mark.usefixtures("bob")
def test_region_disabled_by_the_account_itself(aws: FakeAws, run: Callable[..., Result]) -> None:
    """The region that was called is named."""
    aws.disabled_regions = {"eu-south-1"}
    said = run("x", "--region", "eu-south-1", code=5)
    assert "STS is not active in eu-south-1" in said.stderr


@pytest.mark.parametrize("kind", ["SSO", "process"])
def test_a_kept_source_session_that_aws_ended_is_fetched_anew_once(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result], kind: str
) -> None:
    """Expired or unknown: it was right when it was kept. Credentials that were just had are not asked for again."""
    if kind == "SSO":
        aws.sso.add_role("Developer")
        aws.sso.write_token(home / ".aws/sso/cache", "https://e.awsapps.com/start")
        source = (
            "sso_account_id = 123456789012\nsso_role_name = Developer\n"
            "sso_start_url = https://e.awsapps.com/start\nsso_region = us-east-1\n"
        )
    else:
        script = home / "give.py"
        given = home / "given.json"
        script.write_text(f"print(open({str(given)!r}).read())")
        source = f"credential_process = {sys.executable} {script}\n"

    def give() -> None:
        keys = aws.issue(bob.owner, None, 3600)
        if kind == "process":
            given.write_text(
                json.dumps(
                    {
                        "Version": 1,
                        "AccessKeyId": keys.access_key_id,
                        "SecretAccessKey": keys.secret_access_key,
                        "SessionToken": keys.session_token,
                        "Expiration": _in_an_hour(),
                    }
                )
            )

    write(home, f"[profile s]\n{source}[profile x]\nrole_arn = {ROLE}\nsource_profile = s\n")
    give()
    run("x")
    for number in range(2):
        if number:
            aws.revoke(aws.calls("AssumeRole")[-1].access_key_id or "")
        else:
            aws.expire_now()
        give()
        run("x", "--session-name", f"n{number}")
    outcomes = [call.outcome for call in aws.calls("AssumeRole")]
    # A process is asked who it gives, and what it gave before is not tried at all.
    assert [each for each in outcomes if each == "ok"] == 3 * ["ok"]
    assert outcomes[1::2] == (
        ["ok"] if kind == "process" else ["ExpiredToken", "InvalidClientTokenId"]
    )
    aws.fault("error", "AssumeRole", code="ExpiredToken", message="expired", status=403)
    said = run("x", "--session-name", "last", code=4)
    assert 'the credentials of profile "s" have expired (ExpiredToken)' in said.stderr
    if kind == "SSO":
        assert "run: aws sso login --profile s" in said.stderr
    assert len(aws.calls("AssumeRole")) == (4 if kind == "process" else 7)


def _in_an_hour() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


@pytest.mark.usefixtures("bob")
def test_a_session_on_the_way_that_aws_ended_is_taken_anew(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """The role behind it is had all the same."""
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile far]\nrole_arn = {aws.add_role('far', trust='*').arn}\nsource_profile = x\n"
        )
    run("x")
    aws.expire_now()
    said = run("far", "--format", "process")
    assert "assumed-role/far/" in aws.whose(json.loads(said.stdout)["AccessKeyId"])
    assert [call.outcome for call in aws.calls("AssumeRole")] == ["ok", "ExpiredToken", "ok", "ok"]


@pytest.mark.parametrize(
    "name, config, line",
    [
        ("dev", "sso_session = corp\n[sso-session corp]\n", "aws sso login --profile dev"),
        ("the dev", "", "aws sso login --profile 'the dev'"),
    ],
)
def test_a_login_that_ended_names_the_line_to_run(
    home: Path, bob: Keys, run: Callable[..., Result], name: str, config: str, line: str
) -> None:
    """As it can be pasted."""
    del bob
    write(
        home,
        f'[profile "{name}"]\nsso_account_id = 123456789012\nsso_role_name = Developer\n{config}'
        f"sso_start_url = https://e.awsapps.com/start\nsso_region = us-east-1\n",
    )
    for words in ([name], [ROLE, "--profile", name]):
        said = run(*words, code=4)
        assert f'the SSO login of profile "{name}" has expired or was never made' in said.stderr
        assert f"run: {line}" in said.stderr


# Out of reach.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody signed but itself, its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, public, both = folder / "key", folder / "public.pem", folder / "both.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [need("openssl"), *words.split(), "-keyout", str(key), "-out", str(public)],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + public.read_text())
    return both


def test_tls_is_checked_and_a_ca_bundle_is_heeded(
    certificate: Path, home: Path, run: Callable[..., Result]
) -> None:
    """AWS_CA_BUNDLE, and ca_bundle in the profile, as botocore takes them; one that can't be read is named."""
    with FakeAws(certificate=str(certificate)) as aws:
        bob = aws.add_user("Bob")
        aws.add_role("r", trust="*")
        text = (
            f"[profile bob]\n{lines_of(bob)}[profile x]\nrole_arn = {ROLE}\nsource_profile = bob\n"
        )
        write(home, text)
        environ: dict[str, str | None] = {**aws.environ()}
        said = run("x", environ=environ, code=5)
        assert f"the TLS certificate of {aws.url} is not trusted" in said.stderr
        assert "AWS_CA_BUNDLE" in said.stderr
        said = run("x", environ={**environ, "AWS_CA_BUNDLE": "/no/bundle"}, code=None)
        assert said.code in {3, 5}
        assert "AWS_CA_BUNDLE" in said.stderr
        bundle = str(certificate.with_name("public.pem"))
        run("x", environ={**environ, "AWS_CA_BUNDLE": bundle})
        write(home, f"{text}ca_bundle = {bundle}\n")
        run("x", "--refresh", environ=environ)


@pytest.mark.usefixtures("bob")
def test_nobody_there(run: Callable[..., Result]) -> None:
    """The address is named."""
    said = run("x", environ={"AWS_ENDPOINT_URL": NOWHERE}, code=5)
    assert f"{NOWHERE} can't be reached for AssumeRole" in said.stderr
    assert "check the network" in said.stderr


@pytest.mark.usefixtures("bob")
def test_an_endpoint_that_is_none(run: Callable[..., Result]) -> None:
    """A word where an address belongs is the config's fault."""
    said = run("x", environ={"AWS_ENDPOINT_URL": "somewhere"}, code=3)
    assert "somewhere" in said.stderr
    assert "check --region, AWS_ENDPOINT_URL and endpoint_url" in said.stderr


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Be a proxy that lets nobody through, and notes who was wanted: nothing leaves this machine."""
    wanted: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    line = client.recv(65536).split(b"\r\n")[0].decode()
                    wanted.append(line.split()[1] if line else "")
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", wanted
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.usefixtures("bob")
def test_a_proxy_that_is_not_there_is_named_without_its_password(
    run: Callable[..., Result],
) -> None:
    """What stands in HTTPS_PROXY may be a secret."""
    environ = {
        "AWS_ENDPOINT_URL": None,
        "HTTPS_PROXY": "http://me:pass-word@127.0.0.1:9",
        "NO_PROXY": None,
        "no_proxy": None,
    }
    said = run("x", environ=environ, code=5)
    assert (
        "the proxy http://127.0.0.1:9 on the way to https://sts.us-east-1.amazonaws.com"
        in said.stderr
    )
    assert "pass-word" not in said.stderr
    assert "check HTTPS_PROXY" in said.stderr


BOTOCORE = """
import sys
import botocore.session
session = botocore.session.Session(profile=sys.argv[1])
print(session.create_client("sts").meta.endpoint_url)
"""


@pytest.mark.parametrize(
    "partition, region, more, environ, host",
    [
        ("aws", "eu-west-1", "", {}, "sts.eu-west-1.amazonaws.com"),
        ("aws", "ap-east-1", "", {}, "sts.ap-east-1.amazonaws.com"),
        ("aws-cn", "cn-northwest-1", "", {}, "sts.cn-northwest-1.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-east-1", "", {}, "sts.us-gov-east-1.amazonaws.com"),
        ("aws-iso", "us-iso-east-1", "", {}, "sts.us-iso-east-1.c2s.ic.gov"),
        ("aws", "us-west-2", "use_fips_endpoint = true", {}, "sts-fips.us-west-2.amazonaws.com"),
        ("aws", "us-west-2", "", {"AWS_USE_FIPS_ENDPOINT": "true"}, "sts-fips.us-west-2.amazonaws.com"),
        ("aws", "us-west-2", "use_dualstack_endpoint = true", {}, "sts.us-west-2.api.aws"),
        ("aws", "us-west-2", "sts_regional_endpoints = legacy", {}, "sts.amazonaws.com"),
        ("aws", "eu-west-1", "endpoint_url = https://sts.corp.example", {}, "sts.corp.example"),
        ("aws", "eu-west-1", "endpoint_url = https://sts.corp.example\nignore_configured_endpoint_urls = true", {},
         "sts.eu-west-1.amazonaws.com"),
        ("aws", "eu-west-1", "endpoint_url = https://sts.corp.example", {"AWS_ENDPOINT_URL_STS": "https://sts.other.example"},
         "sts.other.example"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("bob")
def test_sts_is_called_where_botocore_would_call_it(
    home: Path, run: Callable[..., Result],
    partition: str, region: str, more: str, environ: dict[str, str], host: str,
) -> None:  # fmt: skip
    """In the partition of the role, regionally, by FIPS, and at an endpoint of one's own; by way of a proxy that tells."""
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile p]\nrole_arn = arn:{partition}:iam::123456789012:role/r\nsource_profile = bob\n"
            f"region = {region}\n{more}\n"
        )
    around: dict[str, str | None] = {
        **dict.fromkeys(
            ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "NO_PROXY", "no_proxy")
        ),
        **environ,
    }
    theirs = run("-c", BOTOCORE, "p", argv=(sys.executable,), environ=around).stdout.strip()
    assert theirs == f"https://{host}"
    with proxy() as (url, wanted):
        said = run("p", environ={**around, "HTTPS_PROXY": url}, code=5)
    assert set(wanted) == {f"{host}:443"}
    assert "the proxy" in said.stderr


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    "arn, host",
    [
        ("arn:aws-cn:iam::123456789012:role/r", "sts.cn-north-1.amazonaws.com.cn"),
        ("arn:aws-us-gov:iam::123456789012:role/r", "sts.us-gov-west-1.amazonaws.com"),
        ("arn:aws-iso:iam::123456789012:role/r", "sts.us-iso-east-1.c2s.ic.gov"),
    ],
)
def test_an_arn_tells_its_partition(run: Callable[..., Result], arn: str, host: str) -> None:
    """Where the region around is of another, the partition's own first one is called."""
    around = dict.fromkeys(("AWS_ENDPOINT_URL", "NO_PROXY", "no_proxy"))
    with proxy() as (url, wanted):
        run(arn, "--profile", "bob", environ={**around, "HTTPS_PROXY": url}, code=5)
    assert set(wanted) == {f"{host}:443"}


def test_each_step_is_called_at_its_own_endpoint(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """By endpoint_url, and by services; a step without one is called where the profile that leads to it is."""
    with FakeAws() as other:
        bob = other.add_user("Bob")
        for one in (aws, other):
            one.keys.update(other.keys)
            one.add_role("r", trust="*")
        write(
            home,
            f"[profile bob]\n{lines_of(bob)}"
            f"[profile near]\nrole_arn = {ROLE}\nsource_profile = bob\nservices = mine\nregion = eu-west-1\n"
            f"[services mine]\nsts =\n  endpoint_url = {other.url}\n"
            f"[profile x]\nrole_arn = {ROLE}\nsource_profile = near\nendpoint_url = {aws.url}\n"
            "role_session_name = outer\nregion = ap-east-1\n",
        )
        environ: dict[str, str | None] = dict.fromkeys(aws.environ())
        environ["AWS_EC2_METADATA_DISABLED"] = "true"
        run("x", environ=environ, code=None)
        assert [(call.region, call.outcome) for call in other.calls("AssumeRole")] == [
            ("eu-west-1", "ok")
        ]
        assert [call.region for call in aws.calls("AssumeRole")][:1] == ["ap-east-1"]
