"""--print-profile: the stanza by which every SDK asks awsassume, read by the SDKs themselves."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.aws_files import lines_of, write
from tests.javascript import run_javascript

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws

FROM_INI = """
import { fromIni } from "@aws-sdk/credential-providers";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const client = new STSClient({ credentials: fromIni({ profile: process.env.ASKED }) });
const said = await client.send(new GetCallerIdentityCommand({}));
console.log(JSON.stringify(said.Arn));
"""
WORDS = [
    "arn:aws:iam::123456789012:role/a/b+c=d,e.f@g-h_i/example-role",
    "--external-id",
    "id_+=,.@:/-1",
    "--tag",
    "team=a",
    "--duration",
    "15m",
    "--session-name",
    "bob_+=,.@-1",
    "--profile",
    "base",
    "--region",
    "eu-west-3",
]


@pytest.fixture
def pasted(aws: FakeAws, home: Path, run: Callable[..., Result]) -> dict[str, str]:
    """Print a stanza with as much in it as there can be, paste it into the config file, and give the environment."""
    bob = aws.add_user("Bob")
    aws.add_role("example-role", trust=bob, path="/a/b+c=d,e.f@g-h_i/", external_id="id_+=,.@:/-1")
    write(home, "", f"[base]\n{lines_of(bob)}")
    stanza = run("--print-profile", *WORDS, environ=aws.environ()).stdout
    (home / ".aws/config").write_text(stanza)
    return aws.environ(region=None)


def test_the_stanza_is_one_profile_with_an_absolute_path(
    aws: FakeAws, run: Callable[..., Result], pasted: dict[str, str], home: Path
) -> None:
    """It starts this very Python without site, which is the quickest way."""
    header, command, region = (home / ".aws/config").read_text().splitlines()
    assert header == "[profile example-role]"
    words = command.removeprefix("credential_process = ").split(" ")
    assert words[:3] == [sys.executable, "-I", "-S"]
    assert os.path.isabs(words[3])
    assert words[3].endswith("awsassume/__main__.py")
    assert words[-2:] == [WORDS[0], "--credential-process"]
    assert region == "region = eu-west-3"
    assert aws.calls() == []
    rows = json.loads(run("--list", "--json", environ=pasted).stdout)
    assert {"awsassume", "keys"} == {row["Source"] for row in rows}


def test_boto3_asks_us(
    pasted: dict[str, str], monkeypatch: pytest.MonkeyPatch, aws: FakeAws
) -> None:
    """The profile's name is all that it is told."""
    for name, value in pasted.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(profile_name="example-role")
    assert session.region_name == "eu-west-3"
    said = session.client("sts").get_caller_identity()
    assert said["Arn"].endswith(":assumed-role/example-role/bob_+=,.@-1")
    (call,) = aws.calls("AssumeRole")
    assert call.parameters["ExternalId"] == "id_+=,.@:/-1"
    assert call.parameters["DurationSeconds"] == "900"


@pytest.mark.parametrize("way", ["--profile", "AWS_PROFILE"])
def test_the_aws_cli_asks_us(
    run: Callable[..., Result], aws_cli: str, pasted: dict[str, str], way: str
) -> None:
    """By option and by variable: that AWS_PROFILE is inherited by us makes no loop."""
    named = {"AWS_PROFILE": "example-role"} if way == "AWS_PROFILE" else {}
    words = ["--profile", "example-role"] if way == "--profile" else []
    said = run(*words, "sts", "get-caller-identity", argv=(aws_cli,), environ=pasted | named)
    assert json.loads(said.stdout)["Arn"].endswith(":assumed-role/example-role/bob_+=,.@-1")


def test_javascript_asks_us(pasted: dict[str, str]) -> None:
    """It hands the line to sh, and reads the file by rules of its own."""
    environ = pasted | {"ASKED": "example-role", "AWS_PROFILE": "example-role"}
    assert str(run_javascript(FROM_INI, environ)).endswith("/example-role/bob_+=,.@-1")


def test_the_source_that_holds_now_is_written_down(
    aws: FakeAws, home: Path, run: Callable[..., Result]
) -> None:
    """Under AWS_PROFILE=example the source would otherwise be another than it is here."""
    write(home, "", f"[work]\n{lines_of(aws.add_user('Bob'))}")
    said = run("--print-profile", "example-role", environ={"AWS_PROFILE": "work"})
    assert " --profile work example-role --credential-process\n" in said.stdout
    assert said.stderr == ""


def test_keys_in_the_environment_are_warned_of(aws: FakeAws, run: Callable[..., Result]) -> None:
    """They can't be written down, so whoever pastes the stanza must know."""
    said = run("--print-profile", "example-role", environ=aws.environ(aws.add_user("Bob")))
    assert "__main__.py example-role --credential-process\n" in said.stdout
    assert "the source is now the keys in the environment" in said.stderr


@pytest.mark.parametrize(
    "role, name",
    [
        ("example-role", "example-role"),
        ("arn:aws:iam::123456789012:role/team/deploy", "deploy"),
        ("123456789012:team/deploy", "deploy"),
        ("arn:aws:iam::123456789012:role/a,b=c", "a-b-c"),
        ("prod", "prod-awsassume"),
        ("arn:aws:iam::123456789012:role/prod", "prod-awsassume"),
    ],
)
def test_the_profile_bears_the_role_s_name_unless_it_is_taken(
    home: Path, run: Callable[..., Result], role: str, name: str
) -> None:
    """A profile beside role_arn would be read differently by each SDK, so ours is another one."""
    config = "[profile prod]\nrole_arn = arn:aws:iam::123456789012:role/prod\nsource_profile = b\n"
    write(home, config, "[b]\naws_access_key_id = A\naws_secret_access_key = B\n")
    assert run("--print-profile", role).stdout.startswith(f"[profile {name}]\n")


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["my role"], 2, "can be no role's name"),
        (["two words"], 2, "can't stand in credential_process: SDKs do not all read a blank alike"),
        (["example-role", "--tag", "team=a b"], 2, "a blank alike"),
        (["example-role", "--tag", "team=caf\u00e9"], 2, "'\u00e9' alike"),
        (["example-role", "--policy", "{}"], 2, "--policy FILE"),
        (["example-role", "--token-code", "123456"], 2, "--token-code happens once"),
        (["example-role", "--refresh"], 2, "--refresh happens once"),
        (["example-role", "--profile", "nope"], 3, '--profile "nope" is not in'),
        (["example-role", "--duration", "1m"], 2, "from 900 seconds"),
        (["base"], 2, "has credentials of its own"),
        ([], 2, "--print-profile needs a ROLE"),
    ],
)
def test_what_cannot_be_written_is_refused(
    home: Path, run: Callable[..., Result], words: list[str], code: int, said: str
) -> None:
    """In one line, with nothing on standard output that somebody might paste."""
    config = (
        "[profile two words]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n"
    )
    config = config.replace("two words", '"two words"')
    write(home, config, "[base]\naws_access_key_id = A\naws_secret_access_key = B\n")
    result = run("--print-profile", *words, code=code)
    assert result.stdout == ""
    assert said in result.stderr


def test_a_place_with_a_blank_is_refused(tmp_path: Path, run: Callable[..., Result]) -> None:
    """The Python that runs us would be cut in two by one SDK or another."""
    place = tmp_path / "my programs"
    place.mkdir()
    python = place / "python"
    python.symlink_to(sys.executable)
    words = ("-c", "import sys; from awsassume.program import main; sys.exit(main())")
    environ = {"PYTHONPATH": ":".join(sys.path)}
    said = run(
        "--print-profile", "example-role", argv=(str(python), *words), environ=environ, code=3
    )
    assert "SDKs do not all read a blank in credential_process alike" in said.stderr
    assert "under a path without it" in said.stderr
