"""--login leaves a token where every SDK looks for it, readable by nobody else."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.chromium import Chromium
from tests.conftest import need
from tests.javascript import node_modules
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

    Run = Callable[..., Result]

URL = "https://example.awsapps.com/start"
CONFIG = f"""
[sso-session corp]
sso_start_url = {URL}
sso_region = us-east-1
sso_registration_scopes = sso:account:access

[profile dev]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Developer

[profile old]
sso_start_url = {URL}
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = Developer

[profile deploy]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = dev

[profile halved]
sso_session = none

[profile cli]
login_session = arn:aws:iam::123456789012:user/Bob

[profile plain]
region = us-east-1
"""
WHO = """
import boto3, sys
print(boto3.Session(profile_name=sys.argv[1]).client("sts").get_caller_identity()["Arn"])
"""
FROM_SSO = """
import { fromIni } from "@aws-sdk/credential-providers";
console.log((await fromIni({ profile: "dev" })()).accessKeyId);
"""


@pytest.fixture(autouse=True)
def _sign_on(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.sso.interval = 0
    aws.sso.add_role("Developer")
    (home / ".aws/config").write_text(CONFIG)
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)


def token_file(home: Path, name: str = "corp") -> Path:
    """Return where botocore looks for a token."""
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    return home / ".aws/sso/cache" / f"{digest}.json"


def who(profile: str) -> str:
    """Return the ARN that a real boto3 session of a profile is."""
    command = [sys.executable, "-c", WHO, profile]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    "name, file",
    [("dev", "corp"), ("corp", "corp"), ("deploy", "corp"), ("old", URL)],
    ids=["profile", "sso-session", "role behind a profile", "without a section"],
)
def test_a_login_leaves_a_token(aws: FakeAws, home: Path, run: Run, name: str, file: str) -> None:
    """By a profile, its source or the sso-session, boto3 finds the token; the place to go to is on standard output."""
    aws.sso.pending = 2
    done = run("--login", name, "--no-open")
    path = token_file(home, file)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert f"open {aws.url}/device?user_code=" in done.stdout
    assert "logged in to " in done.stderr
    token = json.loads(path.read_text())
    assert token["accessToken"] not in done.stdout + done.stderr
    assert token["startUrl"] == URL
    assert token["region"] == "us-east-1"
    assert who("old" if file == URL else "dev").endswith("/jane")


@pytest.mark.slow
def test_a_browser_brings_the_code(aws: FakeAws, home: Path, run: Run, tmp_path: Path) -> None:
    """With a browser it is the code flow with PKCE, and the browser's command line says nothing of it."""
    chromium = Chromium(tmp_path / "chromium")
    done = run("--login", "dev", environ=chromium.environ)
    assert "go back to the terminal" in chromium.shown
    assert chromium.words.startswith("http://127.0.0.1:")
    assert "authorize" not in chromium.words
    assert aws.calls("CreateToken")[0]["grantType"] == "authorization_code"
    assert not aws.calls("StartDeviceAuthorization")
    assert token_file(home).exists()
    assert done.stdout == ""
    assert who("dev").endswith("/jane")


@pytest.mark.slow
def test_a_browser_approves_the_device(aws: FakeAws, home: Path, run: Run, tmp_path: Path) -> None:
    """Without an sso-session it is the device flow: the browser shows the page, and the code is there to compare."""
    aws.sso.approval = "browser"
    chromium = Chromium(tmp_path / "chromium")
    done = run("--login", "old", environ=chromium.environ)
    (code,) = (call["user_code"] for call in aws.calls("ApproveDevice"))
    assert f"this code: {code}" in done.stderr
    assert code not in chromium.words
    assert token_file(home, URL).exists()


def test_a_token_is_refreshed_by_botocore(aws: FakeAws, home: Path, run: Run) -> None:
    """The registration is kept beside the token, so that botocore gets the next one by itself."""
    aws.sso.token_seconds = 60
    run("--login", "dev", "--no-open")
    before = json.loads(token_file(home).read_text())
    aws.sso.token_seconds = 3600
    assert who("dev").endswith("/jane")
    after = json.loads(token_file(home).read_text())
    assert sorted(before) == sorted(after)
    assert before["accessToken"] != after["accessToken"]


@pytest.mark.slow
def test_javascript_reads_the_token(aws: FakeAws, run: Run) -> None:
    """AWS's SDK for JavaScript finds what was written."""
    cwd = node_modules().parent
    run("--login", "dev", "--no-open")
    argv = (need("node"), "--input-type=module", "--eval", FROM_SSO)
    key = run(argv=argv, cwd=cwd).stdout.strip()
    assert aws.whose(key).endswith("/jane")


def test_a_token_is_born_private(home: Path, run: Run, program: str) -> None:
    """Whatever the umask, and in place of whatever stood there."""
    target = home / "elsewhere"
    target.write_text("untouched")
    token_file(home).parent.mkdir(parents=True)
    token_file(home).symlink_to(target)
    run(argv=("sh", "-c", f"umask 000; {program} --login dev --no-open"))
    assert not token_file(home).is_symlink()
    assert token_file(home).stat().st_mode & 0o777 == 0o600
    assert target.read_text() == "untouched"


@pytest.mark.parametrize(
    "approval, says",
    [("denied", "was refused in the browser"), ("expired", "nobody approved the login")],
)
def test_a_login_that_fails_is_told(
    aws: FakeAws, home: Path, run: Run, approval: str, says: str
) -> None:
    """What was refused or forgotten leaves no token, and exit code 4."""
    aws.sso.approval = approval
    done = run("--login", "dev", "--no-open", code=4)
    assert says in done.stderr
    assert not token_file(home).exists()


@pytest.mark.slow
def test_a_refusal_in_the_browser_is_told(
    aws: FakeAws, home: Path, run: Run, tmp_path: Path
) -> None:
    """What the browser comes back with instead of a code is said."""
    aws.sso.approval = "denied"
    done = run("--login", "dev", code=4, environ=Chromium(tmp_path / "chromium").environ)
    assert "was refused (access_denied)" in done.stderr
    assert not token_file(home).exists()


def test_without_a_browser_a_person_is_told_where(aws: FakeAws, home: Path, run: Run) -> None:
    """Where no browser starts, the login goes on with a link to open elsewhere."""
    done = run("--login", "dev", environ={"BROWSER": "/nonexistent/browser"})
    assert f"open {aws.url}/device?user_code=" in done.stderr
    assert token_file(home).exists()


@pytest.mark.parametrize(
    "name, code, says, hint",
    [
        ("dve", 3, '"dve" is not in', "did you mean: dev"),
        ("plain", 2, "names no SSO", "aws configure sso"),
        ("halved", 3, 'sso-session "none" is not in', "edit "),
        ("cli", 2, "is logged in by the AWS CLI", "aws login --profile cli"),
        ("", 2, "PROFILE is empty", "--help"),
    ],
)
def test_what_is_no_sign_on_is_told(run: Run, name: str, code: int, says: str, hint: str) -> None:
    """Each gets its sentence, the next step and its exit code."""
    done = run("--login", name, code=code)
    assert says in done.stderr
    assert hint in done.stderr


def test_sso_out_of_reach_is_told(home: Path, run: Run) -> None:
    """The endpoint is named, and nothing is left."""
    done = run(
        "--login", "dev", "--no-open", code=5, environ={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    )
    assert "http://127.0.0.1:9" in done.stderr
    assert not token_file(home).exists()


def test_without_a_terminal_the_login_is_named(run: Run) -> None:
    """A role whose SSO login has expired says how to log in; nothing asks where nobody sees it."""
    done = run("dev", code=4, argv=("setsid", "-w", sys.executable, "-m", "awsassume"))
    assert "aws sso login --profile dev" in done.stderr
    assert "awsassume --login dev" in done.stderr


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_on_a_terminal_the_login_is_offered(
    aws: FakeAws, home: Path, program: str, answer: str
) -> None:
    """A yes logs in and goes on; anything else is the error that names the line."""
    environ = {**os.environ, "TERM": "dumb"}
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        environ.pop(name, None)
    words = ["dev", "--", "sh", "-c", "echo became $AWSASSUME_ROLE"]
    with pexpect.spawn(program, words, env=environ, encoding="utf-8", timeout=BOUND) as terminal:
        terminal.expect_exact("Log in now? [y/N]")
        terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        said = terminal.before or ""
    if answer == "y":
        assert f"open {aws.url}/device" in said
        assert "became dev" in said
        assert token_file(home).exists()
    else:
        assert "awsassume --login dev" in said
        assert terminal.exitstatus == 4
        assert not aws.calls("RegisterClient")


def test_an_sdk_is_not_kept_waiting(program: str) -> None:
    """As a credential_process nothing is offered, even on a terminal: SDKs wait for seconds only."""
    words = ["-c", f"{program} dev --credential-process | cat"]
    with pexpect.spawn("sh", words, encoding="utf-8", timeout=BOUND) as terminal:
        terminal.expect(pexpect.EOF)
        assert "has expired or was never made" in (terminal.before or "")


@pytest.mark.parametrize("profile", ["dev", "old"])
def test_who_logs_in_next_is_who_the_next_role_is_taken_as(
    aws: FakeAws, run: Run, profile: str
) -> None:
    """Jane leaves her desk and John logs in: not a session of hers is his."""
    aws.add_role("deploy", trust="*")
    arn = "arn:aws:iam::123456789012:role/deploy"
    for user in ("jane", "john"):
        aws.sso.user = user
        run("--login", profile, "--no-open")
        for _ in range(2):
            said = json.loads(run(arn, "--profile", profile, "--credential-process").stdout)
            assert aws.keys[said["AccessKeyId"]].lineage[0].endswith(f"/{user}")
            assert json.loads(run("--whoami", profile, "--json").stdout)["Arn"].endswith(f"/{user}")
    assert len(aws.calls("AssumeRole")) == 2
