"""The fake AWS goes wrong on demand, as networks and services do."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, SSLError
from botocore.parsers import ResponseParserError

from tests.conftest import need
from tests.fake_aws import FakeAws, Remote
from tests.fake_aws.clients import client, refusal

if TYPE_CHECKING:
    from tests.fake_aws.faults import Kind

ROOT = Path(__file__).parent.parent


def session_token(aws: FakeAws) -> dict[str, Any]:
    """Ask for a session; return its Credentials."""
    credentials: dict[str, Any] = client(aws, aws.add_user()).get_session_token()["Credentials"]
    return credentials


def test_a_fault_comes_as_often_as_asked_and_to_its_action_alone(aws: FakeAws) -> None:
    """Two throttled answers are two; other actions never meet them."""
    aws.fault("throttle", "GetSessionToken", times=2)
    sts = client(aws, aws.add_user())
    for _ in range(2):
        sts.get_caller_identity()
        assert refusal(sts.get_session_token) == ("Throttling", "Rate exceeded")
    sts.get_session_token()
    assert [call.outcome for call in aws.calls("GetSessionToken")] == ["throttle", "throttle", "ok"]


def test_a_fault_stays_until_it_is_cleared(aws: FakeAws) -> None:
    """Without a number of times every answer goes wrong."""
    aws.fault("status", status=503)
    sts = client(aws, aws.add_user())
    for _ in range(3):
        assert refusal(sts.get_caller_identity)[0] == "ServiceUnavailable"
    aws.clear_faults()
    sts.get_caller_identity()


def test_an_error_of_any_kind_can_be_asked_for(aws: FakeAws) -> None:
    """A code and a message of AWS's come out as asked."""
    aws.fault("error", code="RegionDisabledException", message="No.", status=403)
    assert refusal(lambda: session_token(aws)) == ("RegionDisabledException", "No.")


def test_an_answer_that_hangs_never_comes(aws: FakeAws) -> None:
    """A client gives up by its own time-out, and the call is in the log."""
    aws.fault("hang")
    address = urlsplit(aws.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=0.3)
    connection.request("GET", "/?Action=GetCallerIdentity")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    assert aws.calls("GetCallerIdentity")[0].outcome == "hang"


def test_answers_on_hold_go_when_they_are_released(aws: FakeAws) -> None:
    """A test can wait until calls have come, look at what is going on, and let them go."""
    aws.fault("hold", "GetCallerIdentity")
    sts = client(aws, aws.add_user())
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(sts.get_caller_identity) for _ in range(3)]
        calls = aws.wait_for("GetCallerIdentity", 3)
        assert [call.outcome for call in calls] == ["", "", ""]
        aws.release()
        assert all(answer.result()["Account"] == aws.account for answer in answers)
    sts.get_caller_identity()
    with pytest.raises(TimeoutError, match="waited for 9 calls"):
        aws.wait_for("GetCallerIdentity", 9, seconds=0)


def test_a_delay_only_delays(aws: FakeAws) -> None:
    """After a delay the right answer comes."""
    aws.fault("delay", seconds=0.2)
    assert session_token(aws)["AccessKeyId"].startswith("ASIA")


def test_an_answer_can_come_in_drips(aws: FakeAws) -> None:
    """A byte at a time, the answer is whole in the end."""
    aws.fault("drip", seconds=0.0001)
    assert session_token(aws)["AccessKeyId"].startswith("ASIA")


@pytest.mark.parametrize(
    "kind,seen",
    [
        pytest.param("drop", "ConnectionClosedError", id="drop"),
        pytest.param("drop-midway", "ResponseParserError", id="drop-midway"),
        pytest.param("garbage", "ResponseParserError", id="garbage"),
        pytest.param("empty", "ResponseParserError", id="empty"),
        # A page that is XML by chance gets as far as botocore's look-up of the result.
        pytest.param("captive-portal", "KeyError", id="captive-portal"),
        pytest.param("bad-expiration", "ValueError", id="bad-expiration"),
    ],
)
def test_what_is_no_answer_of_aws_fails_in_the_client(aws: FakeAws, kind: Kind, seen: str) -> None:
    """Bytes, half an answer, a web page and no time at all each break a client in its own way."""
    aws.fault(kind)
    with pytest.raises((BotoCoreError, ResponseParserError, KeyError, ValueError)) as caught:
        session_token(aws)
    assert type(caught.value).__name__ == seen


def test_an_action_is_done_although_its_answer_is_dropped(aws: FakeAws) -> None:
    """As with a real network, only the answer is lost."""
    aws.fault("drop")
    with pytest.raises(BotoCoreError):
        session_token(aws)
    assert len([keys for keys in aws.keys.values() if keys.temporary]) == 1


def test_the_fields_of_credentials_can_be_anything(aws: FakeAws) -> None:
    """Faults of the fields show as asked: missing, past, far, or text that a shell would run."""
    aws.fault("wrong-types", times=1)
    assert not session_token(aws)["SessionToken"]
    aws.fault("no-expiration", times=1)
    assert "Expiration" not in session_token(aws)
    aws.fault("past-expiration", times=1)
    assert session_token(aws)["Expiration"].year == 2001
    aws.fault("year-9999", times=1)
    assert session_token(aws)["Expiration"].year == 9999
    aws.fault("hostile", times=1)
    hostile = session_token(aws)
    for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        assert all(text in hostile[name] for text in ("\n", "'", '"', "$(touch pwned)", ";"))
    aws.fault("fields", times=1, fields={"SecretAccessKey": None, "SessionToken": "as\r\nasked"})
    asked = session_token(aws)
    assert "SecretAccessKey" not in asked
    assert asked["SessionToken"] == "as\r\nasked"


def test_many_clients_at_once_are_all_answered(aws: FakeAws) -> None:
    """Three hundred connections at one instant lose no call."""
    start = threading.Barrier(100)

    def ask(_number: int) -> int:
        start.wait()
        with urlopen(f"{aws.url}/_fake/calls") as response:  # noqa: S310
            return int(response.status)

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(ask, range(300))) == {200}


def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    """A state file fills it, and calls and faults go over HTTP."""
    state = {
        "settings": {"page_size": 2, "disabled_regions": ["me-south-1"]},
        "accounts": [{"account": "123456789012", "alias": "mine"}],
        "users": [
            {
                "name": "Bob",
                "access_key_id": "AKIABOB",
                "secret_access_key": "secret",
                "allow": ["sts:*"],
            }
        ],
        "roles": [
            {
                "name": "example-role",
                "trust": "arn:aws:iam::123456789012:user/Bob",
                "external_id": "id",
            }
        ],
        "mfa": [{"user": "arn:aws:iam::123456789012:user/Bob", "codes": ["000000"]}],
    }
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state))
    command = [sys.executable, "-m", "tests.fake_aws", "--state", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            remote = Remote(process.stdout.readline().strip())
            keys = {"AccessKeyId": "AKIABOB", "SecretAccessKey": "secret"}
            sts = client(remote, keys)
            role = "arn:aws:iam::123456789012:role/example-role"
            remote.fault("throttle", "AssumeRole", times=1)
            parameters = {"RoleArn": role, "RoleSessionName": "me", "ExternalId": "id"}
            assert refusal(lambda: sts.assume_role(**parameters))[0] == "Throttling"
            session = sts.assume_role(**parameters)["Credentials"]
            assert [call["outcome"] for call in remote.calls("AssumeRole")] == ["throttle", "ok"]
            remote.ask("expire")
            assert refusal(client(remote, session).get_caller_identity)[0] == "ExpiredToken"
            made = remote.ask("state", users=[{"name": "Eve"}])
            assert made["users"][0]["arn"] == "arn:aws:iam::123456789012:user/Eve"
            remote.ask("reset")
            assert remote.calls() == []
            assert refusal(sts.get_caller_identity)[0] == "InvalidClientTokenId"
        finally:
            process.terminate()
        assert process.wait() == 0


def test_it_speaks_https_with_a_certificate(tmp_path: Path) -> None:
    """A client that trusts the certificate is answered, another one refuses."""
    pem = str(tmp_path / "pem")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", f"{pem}.crt"]
    subprocess.run(
        [need("openssl"), *command.split()[1:], *subject], check=True, capture_output=True
    )
    with Path(pem).open("a", encoding="ascii") as file:
        file.write(Path(f"{pem}.crt").read_text(encoding="ascii"))
    with FakeAws(certificate=pem) as aws:
        bob = aws.add_user("Bob")
        assert client(aws, bob, verify=f"{pem}.crt").get_caller_identity()["Arn"] == bob.arn
        with pytest.raises(SSLError):
            client(aws, bob).get_caller_identity()


def test_it_is_a_proxy_to_itself(aws: FakeAws) -> None:
    """A client that is told to use it as a proxy is answered by it, whatever the host."""
    place = {"endpoint_url": "http://sts.us-east-1.amazonaws.com"}
    proxied = client(aws, aws.add_user(), config=Config(proxies={"http": aws.url}), **place)
    assert proxied.get_caller_identity()["Account"] == aws.account


def test_the_aws_cli_is_answered(aws: FakeAws, aws_cli: str) -> None:
    """The real command line, in its own process, finds everything by the variables alone."""
    bob = aws.add_user("Bob")
    command = shlex.split("sts get-caller-identity --query Arn --output text")
    environ = {**os.environ, **aws.environ(bob)}
    assert subprocess.check_output([aws_cli, *command], env=environ, text=True).strip() == bob.arn
