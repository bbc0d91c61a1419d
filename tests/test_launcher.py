"""Which lines start awsassume, and which have its name among their words only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from awsassume.launcher import starts_us
from tests.aws_files import lines_of, on_path, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws
    from tests.fake_aws.model import Keys

ARN = "arn:aws:iam::123456789012:role/example-role"
OURS = [
    "awsassume dev",
    "/home/bob/.local/bin/awsassume dev --credential-process",
    "'/opt/some where/awsassume' dev",
    "awsassume.exe dev",
    "env awsassume dev",
    "/usr/bin/env -i HOME=/home/bob awsassume dev",
    "env -u AWS_PROFILE -C /tmp -- awsassume dev",
    "env -iu AWS_PROFILE awsassume dev",
    "env --unset=AWS_PROFILE awsassume dev",
    "env -S 'A=b awsassume' dev",
    "env --split-string='awsassume dev'",
    "AWS_REGION=eu-west-1 LANG= awsassume dev",
    "A=b env C=d /usr/bin/awsassume dev",
    "python -m awsassume dev",
    "python3.11 -I -S -m awsassume dev",
    "python3 -ISm awsassume dev",
    "/usr/bin/python3 -mawsassume dev",
    "python3 -W ignore -X utf8 -Wd -m awsassume dev",
    "pypy3 -m awsassume.__main__ dev",
    "/venv/bin/python -I -S /venv/lib/awsassume/__main__.py dev",
    "python /venv/bin/awsassume dev",
    "env PYTHONPATH=/src python3 -m awsassume dev",
]
FOREIGN = [
    "",
    "pass show awsassume",
    "tool --dir /opt/awsassume",
    "aws-vault export --format=json awsassume",
    "cat /home/bob/awsassume",
    "env NAME=awsassume pass show aws",
    "env -u awsassume pass show aws",
    "env -S 'pass show awsassume'",
    "PROGRAM=awsassume pass show aws",
    "python tool.py awsassume",
    "python -m tool awsassume",
    "python -c 'print(1)' awsassume",
    "python -W awsassume -m tool",
    "python3 -X awsassume tool.py",
    "python /opt/awsassume/tool.py",
    "/opt/awsassume/bin/tool",
    "awsassume-wrapper dev",
    "'awsassume",
    "env",
    "python -m",
    "op run -- awsassume dev",
]


@pytest.mark.parametrize("line", OURS)
def test_a_line_that_starts_us(line: str) -> None:
    """By our name, behind what stands before a program."""
    assert starts_us(line)


@pytest.mark.parametrize("line", FOREIGN)
def test_a_line_that_only_holds_our_name(line: str) -> None:
    """It is somebody's key, folder or argument."""
    assert not starts_us(line)


def test_a_link_is_what_it_leads_to(tmp_path: Path, program: str) -> None:
    """By whatever name, to the script and to a Python alike."""
    (tmp_path / "roles").symlink_to(program)
    assert starts_us(f"{tmp_path}/roles dev")
    (tmp_path / "snake").symlink_to(sys.executable)
    assert starts_us(f"{tmp_path}/snake {tmp_path}/roles dev")
    (tmp_path / "other").symlink_to("/bin/true")
    assert not starts_us(f"{tmp_path}/other awsassume")


@pytest.fixture
def foreign(bob: Keys, aws: FakeAws, home: Path, tmp_path: Path) -> Keys:
    """Give Eve, whose keys a program prints that has our name among its words; Bob is [default]."""
    eve = aws.add_user("Eve", allow=["*"])
    tool = tmp_path / "tool"
    tool.write_text(
        "#!/bin/sh\n"
        f'echo \'{{"Version": 1, "AccessKeyId": "{eve.access_key_id}",'
        f' "SecretAccessKey": "{eve.secret_access_key}"}}\'\n'
    )
    tool.chmod(0o700)
    write(
        home,
        f"[profile eve]\ncredential_process = {tool} show awsassume\n"
        f"[profile through]\nrole_arn = {ARN}\nsource_profile = eve\n"
        f"[profile middle]\nrole_arn = {ARN}\ncredential_process = env A=b {tool} --dir /opt/awsassume\n"
        "[profile ours]\ncredential_process = env A=b awsassume example-role --credential-process\n"
        f"[profile sourceless]\nrole_arn = {ARN}\n",
        f"[default]\n{lines_of(bob)}",
    )
    return eve


@pytest.mark.parametrize(
    "words, environ",
    [
        ((ARN,), {"AWS_PROFILE": "eve"}),
        ((ARN, "--profile", "eve"), {}),
        (("through",), {}),
        (("middle",), {}),
    ],
    ids=["AWS_PROFILE", "--profile", "source_profile", "beside the role"],
)
def test_a_foreign_process_signs(
    foreign: Keys,
    aws: FakeAws,
    run: Callable[..., Result],
    words: tuple[str, ...],
    environ: dict[str, str],
) -> None:
    """Nobody falls back to [default], the first time or later."""
    for _ in range(2):
        said = run(*words, "--format", "process", environ=environ)
        assert said.stderr == ""
    assert {call.caller_arn for call in aws.calls("AssumeRole")} == {foreign.arn}


def test_a_link_that_comes_to_lead_elsewhere_is_another_program(
    foreign: Keys,
    aws: FakeAws,
    bob: Keys,
    home: Path,
    tmp_path: Path,
    run: Callable[..., Result],
    program: str,
) -> None:
    """What is remembered of the time when it led to awsassume is no answer."""
    link = tmp_path / "linked"
    link.symlink_to(program)
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile linked]\ncredential_process = {link} show aws\n")
    environ = {"AWS_PROFILE": "linked"}
    for _ in range(2):
        said = run(ARN, "--format", "process", environ=environ)
        assert "which is passed over: it asks awsassume" in said.stderr
    link.unlink()
    link.symlink_to(tmp_path / "tool")
    assert run(ARN, "--format", "process", environ=environ).stderr == ""
    assert [call.caller_arn for call in aws.calls("AssumeRole")] == [bob.arn, foreign.arn]


def test_a_profile_that_is_a_foreign_process_is_itself(
    foreign: Keys, run: Callable[..., Result]
) -> None:
    """It is no name of a role."""
    assert foreign.access_key_id in run("eve", "--format", "process").stdout


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize(
    "name, why",
    [("ours", "it asks awsassume"), ("sourceless", "it is a role that names no source")],
)
def test_where_the_named_profile_is_passed_over_it_is_said(
    aws: FakeAws,
    bob: Keys,
    run: Callable[..., Result],
    program: str,
    name: str,
    why: str,
) -> None:
    """Each time, where the session is kept too; not by --quiet."""
    environ = on_path(program, {"AWS_PROFILE": name})
    words = ("sourceless" if name == "sourceless" else ARN, "--format", "process")
    expected = (
        f'awsassume: AWS_PROFILE names "{name}", which is passed over: {why};'
        ' the source is profile "default"\n'
    )
    for _ in range(2):
        assert run(*words, environ=environ).stderr == expected
    assert run(*words, "--quiet", environ=environ).stderr == ""
    assert {call.caller_arn for call in aws.calls("AssumeRole")} == {bob.arn}


@pytest.mark.usefixtures("foreign")
def test_what_comes_before_the_named_profile_is_said(bob: Keys, run: Callable[..., Result]) -> None:
    """Keys in the environment do, for some SDKs, and the profile for others."""
    environ = {
        "AWS_PROFILE": "eve",
        "AWS_ACCESS_KEY_ID": bob.access_key_id,
        "AWS_SECRET_ACCESS_KEY": bob.secret_access_key,
    }
    said = run(ARN, "--format", "process", environ=environ).stderr
    assert "the keys in the environment come before it; the source is the environment" in said


@pytest.mark.usefixtures("foreign")
def test_an_sdk_that_was_given_the_profile_is_told_nothing(
    run: Callable[..., Result], program: str
) -> None:
    """Its question comes by that very profile."""
    environ = on_path(program, {"AWS_PROFILE": "ours"})
    assert run("example-role", "--credential-process", environ=environ).stderr == ""


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_variable_that_names_no_profile_is_an_error(
    run: Callable[..., Result], name: str
) -> None:
    """To botocore it is an error, and others take [default]; where the role's own source is named, it does not count."""
    said = run(ARN, environ={name: ""}, code=3)
    assert f"{name} is empty" in said.stderr
    run("through", "--format", "process", environ={name: ""})
