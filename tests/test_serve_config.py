"""The config file that a command under --serve reads holds no secret on disk, goes with its end, and can't be written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.javascript import node_modules
from tests.test_serve import Job, bob, served  # noqa: F401  # bob is a fixture
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

    Run = Callable[..., Result]

SECRETS = ("config-secret-key", "config-session-token", "hunter2", "process-secret")
CONFIG = """
[default]
output = text
region = eu-west-1
aws_access_key_id = AKIAEXAMPLEEXAMPLE00
aws_secret_access_key = config-secret-key
s3 =
  addressing_style = path

[profile other]
region = us-west-2

[profile "two words"]
region = us-west-1
unheard_of = hunter2

[profile keyed]
region = us-west-2
aws_access_key_id = AKIAEXAMPLEEXAMPLE01
aws_secret_access_key = config-secret-key
aws_session_token = config-session-token

[profile asking]
credential_process = get-keys --password process-secret

[profile behind]
role_arn = arn:aws:iam::123456789012:role/behind
source_profile = keyed

[sso-session corp]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1

[services local]
s3 =
  endpoint_url = http://127.0.0.1:9
"""
# As where the system has no such thing: the BSDs, macOS, a kernel of long ago.
NO_MEMORY = "import os, sys; del os.memfd_create; from awsassume.program import main; main()"

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has files in memory")
on_disk = pytest.mark.skipif(sys.platform != "linux", reason="the endpoint is found by /proc")


@pytest.fixture
def places(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Write the config with secrets; return the folders that something could be left in."""
    (home / ".aws/config").write_text(CONFIG)
    found = []
    for name in ("TMPDIR", "XDG_RUNTIME_DIR"):
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
        found.append(folder)
    return [*found, tmp_path / "cache"]


def left(places: list[Path]) -> list[Path]:
    """Return the files there that hold a secret."""
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    return [path for path in files if any(secret in path.read_text() for secret in SECRETS)]


def endpoint_of(job: Job) -> int:
    """Return the process that listens for a job: the one that its words still stand for, in a session of its own."""
    port = f":{job.url.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (inode,) = [row[9] for row in rows if row[1].endswith(port) and row[3] == "0A"]
    for entry in Path("/proc").iterdir():
        try:
            links = [os.readlink(link) for link in (entry / "fd").iterdir()]
        except OSError:
            continue
        if f"socket:[{inode}]" in links:
            return int(entry.name)
    raise AssertionError(port)


def elsewhere(*words: str) -> Job:
    """Start a job as on a system without files in memory."""
    return Job(sys.executable, *words, before=("-c", NO_MEMORY))


@linux
@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("whose", ["COMMAND", "endpoint"])
def test_nothing_is_on_disk(
    program: str, places: list[Path], number: signal.Signals, whose: str
) -> None:
    """Neither while it runs nor after either process was killed; what is in memory is closed to others."""
    with Job(program) as job:
        config = Path(job.environ["AWS_CONFIG_FILE"])
        assert config.read_text().startswith(CONFIG)
        assert config.stat().st_mode & 0o077 == 0
        assert not left(places)
        assert not any(places[0].iterdir())
        assert not any(places[1].iterdir())
        os.kill(job.process.pid if whose == "COMMAND" else endpoint_of(job), number)
        assert eventually(lambda: not config.exists())
    assert eventually(lambda: not config.exists())
    assert eventually(lambda: not job.is_answered())
    assert not left(places)
    assert not any(places[0].iterdir())


@on_disk
@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, None])
def test_elsewhere_a_copy_has_no_secret(places: list[Path], number: signal.Signals | None) -> None:
    """There a private copy says what may be known; it goes with the job and by SIGTERM, and SIGKILL leaves no secret."""
    with elsewhere() as job:
        config = Path(job.environ["AWS_CONFIG_FILE"])
        assert config.parent.parent == places[0]
        assert config.stat().st_mode & 0o777 == 0o400
        assert config.parent.stat().st_mode & 0o777 == 0o700
        assert not left(places)
        text = config.read_text()
        assert "[profile behind]\nrole_arn = arn:aws:iam::123456789012:role/behind" in text
        assert '[profile "two words"]\nregion = us-west-1\n' in text
        assert "[services local]\ns3 =\n  endpoint_url = http://127.0.0.1:9\n" in text
        assert "sso_start_url" in text
        assert text.endswith("[profile awsassume-serve]\noutput = text\nregion = eu-west-1\n")
        if number:
            os.kill(endpoint_of(job), number)
        if number == signal.SIGTERM:
            assert eventually(lambda: not config.exists())
    if number == signal.SIGKILL:
        assert not left(places)
    else:
        assert eventually(lambda: not config.exists())
        assert not any(places[0].iterdir())


@on_disk
@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("profile", ["keyed", "asking", "behind"])
def test_elsewhere_a_profile_is_itself_or_an_error(
    aws: FakeAws, run: Run, aws_cli: str, places: list[Path], profile: str
) -> None:
    """What could not be written would be the role, if only its name were there: the wrong identity."""
    del places  # the config is enough
    words = ("--serve", "example-role", "--", aws_cli, "--profile", profile)
    done = run(
        *words, "sts", "get-caller-identity", code=None, argv=(sys.executable, "-c", NO_MEMORY)
    )
    assert done.code != 0
    assert "example-role" not in done.stdout
    # The first look at who one is, for the role's name, is the only one.
    assert [call.caller_arn for call in aws.calls("GetCallerIdentity")] == [
        f"arn:aws:iam::{aws.account}:user/Bob"
    ]


WRITERS = [
    pytest.param('"$0" configure set region ap-south-1', id="aws configure set"),
    pytest.param('"$0" configure set region ap-south-1 --profile other', id="of another profile"),
    pytest.param('"$0" configure set role_arn x --profile new', id="a new profile"),
    pytest.param('echo "[profile x]" >>"$AWS_CONFIG_FILE"', id="a line more"),
    pytest.param('echo >"$AWS_CONFIG_FILE"', id="a file less"),
    pytest.param('rm "$AWS_CONFIG_FILE"', id="rm"),
    pytest.param('cp /etc/hostname "$AWS_CONFIG_FILE"', id="cp"),
]


@linux
@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("line", WRITERS)
def test_what_is_written_there_is_refused(
    home: Path, run: Run, aws_cli: str, places: list[Path], line: str
) -> None:
    """With a word, and not taken and lost; the user's own file is as it was."""
    del places  # the config is enough
    line = f'{line}; code=$?; cat "$AWS_CONFIG_FILE"; exit $code'
    done = run("--serve", "example-role", "--", "sh", "-c", line, aws_cli, code=None)
    assert done.code != 0
    assert any(word in done.stderr.lower() for word in ("not permitted", "denied", "error"))
    assert done.stdout.startswith(CONFIG)
    assert done.stdout.endswith("[profile awsassume-serve]\noutput = text\nregion = eu-west-1\n")
    assert (home / ".aws/config").read_text() == CONFIG


GET = ("configure", "get", "aws_access_key_id", "--profile", "keyed")
READERS = {
    "boto3": """
import boto3
print(boto3.Session(profile_name="keyed").get_credentials().access_key)
""",
    "javascript": """
import { fromIni } from "@aws-sdk/credential-providers";
console.log((await fromIni({ profile: "keyed" })()).accessKeyId);
""",
}


@linux
@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("reader", ["boto3", "javascript", "aws", "a child of a child"])
def test_every_sdk_reads_it(run: Run, aws_cli: str, places: list[Path], reader: str) -> None:
    """By its path, at any depth, with what the user's own file says of other profiles."""
    del places  # the config is enough
    cwd = None
    command = [sys.executable, "-c", READERS["boto3"]]
    if reader == "javascript":
        cwd = node_modules().parent
        command = [need("node"), "--input-type=module", "--eval", READERS[reader]]
    elif reader == "aws":
        command = [aws_cli, *GET]
    elif reader == "a child of a child":
        command = [
            "sh",
            "-c",
            'sh -c "$@"; exit',
            "sh",
            f'exec "$0" {" ".join(GET)}',
        ]
        command += [aws_cli]
    # An SDK that has keys asks nobody.
    done = run("--serve", "example-role", "--", *command, cwd=cwd)
    assert done.stdout.strip() == "AKIAEXAMPLEEXAMPLE01"


@pytest.mark.parametrize("where", ["config", "credentials"])
@pytest.mark.usefixtures("bob")
def test_a_profile_of_our_name_is_told(home: Path, run: Run, where: str) -> None:
    """One that the user has, or `aws configure set` made inside, would speak before the endpoint."""
    section = "profile awsassume-serve" if where == "config" else "awsassume-serve"
    with (home / ".aws" / where).open("a") as file:
        file.write(f"\n[{section}]\naws_access_key_id = a\naws_secret_access_key = b\n")
    done = run("--serve", "example-role", "--", "true", code=3)
    assert '"awsassume-serve"' in done.stderr
    assert "rename it" in done.stderr


@linux
@pytest.mark.usefixtures("bob")
def test_an_awsassume_inside_reads_the_users_own(
    run: Run, program: str, places: list[Path]
) -> None:
    """Inside, it is the user's own file that is read, not ours; with --chain ours does."""
    del places  # the config is enough
    done = run("--serve", "example-role", "--", program, "--list", "--json")
    assert "awsassume-serve" not in done.stdout
    assert "keyed" in done.stdout
    assert json.loads(done.stdout)
    assert subprocess.run([program, "--version"], check=True, capture_output=True).stdout
