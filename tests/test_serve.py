"""A command under --serve has a role's credentials for as long as it runs, and everything else as if it ran alone."""

from __future__ import annotations

import http.client
import json
import os
import pty
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import pytest

from tests.conftest import need
from tests.javascript import node_modules
from tests.waiting import BOUND, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

    Run = Callable[..., Result]

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
# Asks as a long job does, until it has been so many different sessions.
BOTO3 = """
import boto3, sys, time
session = boto3.Session()
sts, keys, until = session.client("sts"), set(), time.monotonic() + 240
while len(keys) < 4 and time.monotonic() < until:
    arn = sts.get_caller_identity()["Arn"]
    keys.add(session.get_credentials().get_frozen_credentials().access_key)
    time.sleep(0.2)
print(arn, len(keys))
"""
JAVASCRIPT = """
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const sts = new STSClient({ credentials: fromNodeProviderChain() });
const keys = new Set();
const until = Date.now() + 240000;
let arn;
while (keys.size < 4 && Date.now() < until) {
  arn = (await sts.send(new GetCallerIdentityCommand({}))).Arn;
  keys.add((await sts.config.credentials()).accessKeyId);
  await new Promise((done) => setTimeout(done, 200));
}
console.log(arn, keys.size);
"""


TAKE_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Let Bob's keys be the default profile's, and a role trust him."""
    keys = aws.add_user("Bob")
    aws.add_role("example-role", trust=keys)
    (home / ".aws/credentials").write_text(
        f"[default]\naws_access_key_id = {keys.access_key_id}\n"
        f"aws_secret_access_key = {keys.secret_access_key}\n"
    )
    (home / ".aws/config").write_text(
        f"[default]\noutput = text\nregion = eu-west-1\n[profile other]\nregion = us-west-2\n"
        f"[profile again]\nrole_arn = arn:aws:iam::{aws.account}:role/example-role\n"
        "source_profile = default\noutput = text\n"
    )
    for name, value in aws.environ(region=None).items():
        monkeypatch.setenv(name, value)
    return keys


def served(run: Run, *words: str, environ: dict[str, str | None] | None = None) -> dict[str, str]:
    """Return the environment that a command under --serve finds."""
    done = run("--serve", *words, "example-role", "--", sys.executable, "-c", SHOW, environ=environ)
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


class Job:
    """A command under --serve that runs until the test lets it end; `environ` is what it found."""

    def __init__(self, program: str, *words: str, before: tuple[str, ...] = ()) -> None:
        code = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"
        self.process = subprocess.Popen(
            [
                *(program, *before, "--serve", *words),
                *("example-role", "--", sys.executable, "-c", code),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.environ: dict[str, str] = json.loads(self.process.stdout.readline())
        self.url = urlsplit(self.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        self.token = self.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, method: str = "GET", path: str = "", **headers: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer; `Host` and `Authorization` are right where not given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port or 0, timeout=BOUND)
        given = {"Host": self.url.netloc, "Authorization": self.token} | headers
        connection.putrequest(method, path or self.url.path, skip_host=True)
        for name, value in given.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body) if body.startswith(b"{") else body

    def is_answered(self) -> bool:
        """Tell whether the endpoint still listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port or 0, timeout=BOUND)
        try:
            connection.connect()
        except ConnectionRefusedError:
            return False
        connection.close()
        return True


@pytest.fixture
def job(program: str, bob: Keys) -> Job:  # type: ignore[misc]  # a generator
    """Yield a job that runs."""
    del bob  # it is enough that he is there
    with Job(program) as running:
        yield running


@pytest.mark.usefixtures("bob")
@pytest.mark.slow
@pytest.mark.parametrize("sdk", ["boto3", "javascript"])
def test_a_job_outlives_many_sessions(aws: FakeAws, run: Run, sdk: str) -> None:
    """Real SDKs become the role again and again, while each session lasts three seconds and default has keys of its own."""
    aws.lifetime = 3
    cwd = None
    command = [sys.executable, "-c", BOTO3]
    if sdk == "javascript":
        cwd = node_modules().parent
        command = [need("node"), "--input-type=module", "--eval", JAVASCRIPT]
    done = run("--serve", "example-role", "--", *command, cwd=cwd)
    arn, sessions = done.stdout.split()
    assert arn.startswith(f"arn:aws:sts::{aws.account}:assumed-role/example-role/")
    assert int(sessions) == 4
    assert all(call.outcome == "ok" for call in aws.calls("GetCallerIdentity"))


def test_an_answer_is_a_containers(aws: FakeAws, job: Job) -> None:
    """With the token, the credentials come as AWS's containers give them."""
    status, found = job.ask()
    assert status == 200
    assert sorted(found) == ["AccessKeyId", "AccountId", "Expiration", "SecretAccessKey", "Token"]
    assert aws.whose(found["AccessKeyId"]).partition("example-role")[1]
    assert job.ask(Host=job.url.netloc.replace("127.0.0.1", "localhost"))[0] == 200


@pytest.mark.parametrize(
    "status, request_",
    [
        pytest.param(401, {"Authorization": ""}, id="no token"),
        pytest.param(401, {"Authorization": "x" * 43}, id="another token"),
        pytest.param(401, {"Authorization": "\xff"}, id="no ASCII"),
        pytest.param(403, {"Host": "evil.example"}, id="a name that was pointed here"),
        pytest.param(403, {"Host": ""}, id="no host"),
        pytest.param(403, {"Host": "127.0.0.1"}, id="no port"),
        pytest.param(404, {"path": "/"}, id="another path"),
        pytest.param(501, {"method": "POST"}, id="another method"),
    ],
)
def test_others_get_nothing(job: Job, status: int, request_: dict[str, str]) -> None:
    """Without the token, under another name, or at another place there is nothing to be had."""
    answer = job.ask(**request_)
    assert answer[0] == status
    assert "AccessKeyId" not in str(answer[1])


def test_nothing_but_loopback_is_bound(job: Job) -> None:
    """The endpoint listens at 127.0.0.1 and nowhere else."""
    port = f":{job.url.port:04X}"
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        listening += [row[1] for row in rows if row[1].endswith(port) and row[3] == "0A"]
    assert listening == [f"0100007F{port}"]


def test_nothing_louder_is_left(bob: Keys, run: Run) -> None:
    """What an SDK would take before the endpoint is gone from the command's environment."""
    louder = {
        "AWS_SESSION_TOKEN": "t",
        "AWS_SECURITY_TOKEN": "t",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/x",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/x",
        "AWS_ROLE_ARN": "x",
        "AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z",
    }
    keys = {
        "AWS_ACCESS_KEY_ID": bob.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bob.secret_access_key,
    }
    found = served(run, environ={**keys, "AWS_WEB_IDENTITY_TOKEN_FILE": "/x", "AWS_ROLE_ARN": "x"})
    assert not {*louder, *keys}.intersection(found)
    found = served(run, environ={"AWS_PROFILE": "default"})
    assert not {*louder, *keys}.intersection(found)
    assert found["AWS_PROFILE"] == "awsassume-serve"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-west-1"


@pytest.mark.usefixtures("bob")
def test_default_keeps_its_settings_and_loses_its_say(aws: FakeAws, run: Run, aws_cli: str) -> None:
    """Where default has keys, the SDKs are given a profile without any; the other profiles still work."""
    command = '"$0" configure get output; "$0" sts get-caller-identity; "$0" --profile again sts get-caller-identity'
    done = run("--serve", "example-role", "--", "sh", "-c", command, aws_cli)
    lines = done.stdout.splitlines()
    assert lines[0] == "text"
    assert [line.split()[1].split("/")[1] for line in lines[1:]] == ["example-role"] * 2
    assert aws.calls("GetCallerIdentity")[-1].caller_arn


def test_a_default_without_credentials_is_left_alone(home: Path, bob: Keys, run: Run) -> None:
    """Where nobody speaks before the endpoint, neither a profile nor another config file is named."""
    (home / ".aws/credentials").write_text("")
    keys = {
        "AWS_ACCESS_KEY_ID": bob.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bob.secret_access_key,
    }
    found = served(run, environ=dict(keys))
    assert "AWS_PROFILE" not in found
    assert found["AWS_CONFIG_FILE"] == str(home / ".aws/config")


@pytest.mark.usefixtures("bob")
def test_nothing_is_left_behind(program: str) -> None:
    """When the command ends, or is killed, the endpoint ends and its config file goes."""
    for end in (None, signal.SIGKILL):
        with Job(program) as job:
            config = Path(job.environ["AWS_CONFIG_FILE"])
            assert config.exists()
            assert job.is_answered()
            if end:
                job.process.send_signal(end)
        assert eventually(partial(has_gone, job, config))


def has_gone(job: Job, config: Path) -> bool:
    """Tell whether nothing is left of an endpoint."""
    return not job.is_answered() and not config.exists()


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_the_commands(run: Run, code: int) -> None:
    """Whatever the command ends with."""
    run("--serve", "example-role", "--", "sh", "-c", f"exit {code}", code=code)


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_is_the_commands(program: str, number: signal.Signals) -> None:
    """A signal reaches the command itself, which ends by it as it would alone."""
    with Job(program) as job:
        job.process.send_signal(number)
        code = job.process.wait(BOUND)
    assert code in {-number, 1} if number == signal.SIGINT else code == -number


@pytest.mark.usefixtures("bob")
def test_the_commands_children_are_its_own(run: Run) -> None:
    """A command that waits for all of its children does not wait for the endpoint."""
    code = "import os\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none')"
    done = run("--serve", "example-role", "--", sys.executable, "-c", code)
    assert done.stdout == "none\n"


@pytest.mark.usefixtures("bob")
def test_nobody_waits_for_the_endpoint(program: str) -> None:
    """The endpoint holds none of the command's pipes open: who reads them sees their end at the command's."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [program, "--serve", "example-role", "--", "sh", "-c", "exec >&- 2>&-; cat"],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=writing,
        pass_fds=(writing,),
    )
    os.close(writing)
    # The command keeps one end open by the descriptor that it inherited; closed by the shell it is not.
    process.communicate(b"")
    with open(reading, "rb") as end:
        assert end.read() == b""


@pytest.mark.usefixtures("bob")
def test_the_terminal_is_the_commands(program: str) -> None:
    """The command is the terminal's foreground, and the endpoint has no part in it."""
    leader, follower = pty.openpty()
    code = (
        "import os; print('mine' if os.tcgetpgrp(0) == os.getpgrp() and os.isatty(1) else 'lost')"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            TAKE_TERMINAL,
            program,
            "--serve",
            "example-role",
            "--",
            sys.executable,
            "-c",
            code,
        ],
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    said = b""
    try:
        while chunk := os.read(leader, 4096):
            said += chunk
    except OSError:
        # Linux says so when nobody has the terminal open any more: neither the command nor the endpoint.
        pass
    assert process.wait(BOUND) == 0
    assert b"mine" in said


@pytest.mark.usefixtures("bob")
def test_what_can_not_be_renewed_is_said_to_the_sdk(aws: FakeAws, program: str) -> None:
    """When AWS refuses, whoever asks is told why; when it grants again, so does the endpoint."""
    aws.lifetime = 3
    with Job(program) as job:
        assert job.ask()[0] == 200
        aws.fault("error", "AssumeRole", code="AccessDenied", status=403)
        until = time.monotonic() + BOUND
        while (answer := job.ask())[0] == 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert answer[0] == 400
        assert "AccessDenied" in answer[1]["Message"]
        aws.clear_faults()
        while (answer := job.ask())[0] != 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert answer[0] == 200


def test_a_renewal_asks_nobody(aws: FakeAws, bob: Keys, program: str) -> None:
    """The first session takes the MFA code; later ones come from the session behind it, or tell what is needed."""
    device = aws.add_mfa(bob)
    aws.add_role("with-mfa", trust=bob, mfa=True)
    aws.add_role("example-role", trust=bob, mfa=True)
    aws.lifetime = 3
    with Job(program, "--mfa-serial", device.serial, "--token-code", "123456") as job:
        until = time.monotonic() + BOUND
        while (answer := job.ask())[0] == 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert answer[0] == 400
        assert "an MFA code" in answer[1]["Message"]


def test_another_role_is_never_taken(aws: FakeAws, home: Path, bob: Keys, program: str) -> None:
    """When the config comes to name another role, the job is not given it."""
    aws.lifetime = 3
    other = aws.add_role("other-role", trust=bob)
    config = home / ".aws/config"
    lines = f"[profile example-role]\nrole_arn = {other.arn.replace('other', 'example')}\nsource_profile = default\n"
    config.write_text(lines)
    with Job(program) as job:
        config.write_text(lines.replace("role/example", "role/other"))
        until = time.monotonic() + BOUND
        while (answer := job.ask())[0] == 200 and time.monotonic() < until:
            time.sleep(0.2)
        assert answer[0] == 400
        assert "another role" in answer[1]["Message"]
    assert not aws.calls("AssumeRole", RoleArn=other.arn)


def test_an_awsassume_inside_begins_outside(
    aws: FakeAws, bob: Keys, run: Run, program: str
) -> None:
    """Inside, the endpoint's role is no source: another role is assumed with the user's own keys, unless --chain."""
    aws.add_role("second", trust=[bob.arn, f"arn:aws:iam::{aws.account}:role/example-role"])
    for words in ([], ["--chain"]):
        run("--serve", "example-role", "--", program, "second", *words, "--", "true")
    callers = [
        call.caller_arn or "" for call in aws.calls("AssumeRole") if "second" in call["RoleArn"]
    ]
    assert callers[0] == bob.arn
    assert "/example-role/" in callers[1]


@pytest.mark.usefixtures("bob")
def test_a_clear_inside_gives_the_endpoint_back(
    aws: FakeAws, run: Run, program: str, tmp_path: Path
) -> None:
    """A role taken inside and given back leaves the command with what --serve gave it."""
    aws.add_role("second", trust=f"arn:aws:iam::{aws.account}:user/Bob")
    line = 'env | grep ^AWS | sort >a; eval "$($0 second)"; test -n "$AWS_SESSION_TOKEN" || exit 9'
    line += '; eval "$($0 --clear)"; env | grep ^AWS | sort | diff a -'
    assert (
        run("--serve", "example-role", "--", "bash", "-c", line, program, cwd=tmp_path).stdout == ""
    )


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    "words, says, code",
    [
        (["example-role"], "--serve needs a ROLE and a COMMAND", 2),
        (["example-role", "--"], "no COMMAND after --", 2),
        (["--", "true"], "no ROLE before --", 2),
        (["default", "--", "true"], "long-term keys", 2),
        (["example-role", "--", "no-such-program"], "no-such-program can't be run", 127),
        (["nobody", "--", "true"], "nobody", 3),
    ],
)
def test_bad_input_is_told(run: Run, words: list[str], says: str, code: int) -> None:
    """Each gets its sentence and its exit code, and no endpoint stays."""
    done = run("--serve", *words, code=code)
    assert says in done.stderr
    # Where the line can't be read, it could have been for a shell.
    assert done.stdout in {"", "false;\n"}
