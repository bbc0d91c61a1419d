"""What a command is started with is the role's: no secret of before, by --, by --serve, at any depth."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, on_path
from tests.fake_aws.clients import FIELDS, client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

    Run = Callable[..., Result]

ROLE = "arn:aws:iam::123456789012:role/example-role"
OTHER = "arn:aws:iam::123456789012:role/other-role"
SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
)
WAYS = pytest.mark.parametrize("way", ["--", "--serve --"])
# Says who calls AWS from here.
WHO = (
    f"{sys.executable} -c 'import boto3, os; "
    'print(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Arn"].split(":")[-1].rpartition("/")[0])\''
)


@pytest.fixture
def eve(
    aws: FakeAws, bob: Keys, home: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> dict[str, str]:
    """Put a session of Eve's into the environment; return it. Bob is [default], and [profile bob]."""
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile bob]\n{lines_of(bob)}")
    aws.add_role("other-role")
    answer = client(aws, aws.add_user("Eve")).get_session_token()["Credentials"]
    keys = {f"AWS_{name.upper()}": answer[field] for field, name in FIELDS.items()}
    for name, value in (
        keys
        | {"AWS_SECURITY_TOKEN": keys["AWS_SESSION_TOKEN"], "AWS_BEARER_TOKEN_BEDROCK": "hunter2"}
    ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", on_path(program, os.environ)["PATH"])
    return keys


def sh(run: Run, script: str, **environ: str | None) -> Result:
    """Run a script in bash; any exit code will do."""
    return run("-c", script, argv=("bash",), code=None, environ=environ)


@WAYS
@pytest.mark.parametrize("around", ["", f'eval "$(awsassume {OTHER})" && '], ids=["", "in a role"])
def test_no_secret_of_before_is_in_a_command_s_environment(
    eve: dict[str, str], run: Run, way: str, around: str
) -> None:
    """Keys, tokens and a container's token stay with the shell; what is found is the role's."""
    options = way.removesuffix("--")
    done = sh(
        run,
        f"{around}exec awsassume {options} {ROLE} -- env",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="hunter3",
    )
    assert done.code == 0, done
    for secret in (*[eve[name] for name in SECRETS[:2]], "hunter2", "hunter3"):
        assert secret not in done.stdout
    assert eve["AWS_ACCESS_KEY_ID"] in done.stdout


def test_a_command_can_t_clear_itself_to_somebody_else(
    eve: dict[str, str], run: Run, tmp_path: Path
) -> None:
    """It is refused, in words, and the command stays the role: neither Eve again, nor [default]."""
    inside = tmp_path / "inside"
    inside.write_text(f'eval "$(awsassume --clear)" && echo CLEARED\n{WHO}\n')
    done = sh(run, f"awsassume {ROLE} -- bash {inside}; {WHO}")
    assert "CLEARED" not in done.stdout
    assert done.stdout.splitlines() == ["assumed-role/example-role", "user"]
    assert done.stderr == (
        "awsassume: a command is not given the keys that were there before, so they can't be given back\n"
        "  to be yourself again, leave the command: exit\n"
    )
    del eve


@WAYS
@pytest.mark.parametrize(
    "words, said",
    [
        ("other-role", "AWS_SECRET_ACCESS_KEY"),
        (OTHER, "AWS_SECRET_ACCESS_KEY"),
        ("--renew --refresh", ""),
    ],
)  # fmt: skip
def test_a_call_in_a_command_takes_nobody_else_for_the_source(
    eve: dict[str, str], run: Run, aws: FakeAws, way: str, words: str, said: str
) -> None:
    """The keys that are not there are no reason to go on as [default]."""
    options = way.removesuffix("--")
    done = sh(run, f"awsassume {options} {ROLE} -- bash -c 'awsassume {words} >/dev/null; echo $?'")
    assert done.stdout.strip() in {"2", "4"}
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert {call.access_key_id for call in aws.calls("AssumeRole")} == {eve["AWS_ACCESS_KEY_ID"]}


@WAYS
@pytest.mark.parametrize("words", ["--profile bob other-role", "example", "--chain other-role"])
def test_a_call_in_a_command_that_says_its_source_works(
    eve: dict[str, str], run: Run, way: str, words: str
) -> None:
    """A profile's keys, or the role's own session."""
    options = way.removesuffix("--")
    done = sh(run, f"awsassume {options} {ROLE} -- awsassume {words} -- {WHO}")
    role = "example-role" if words == "example" else "other-role"
    assert (done.stdout, done.stderr) == (f"assumed-role/{role}\n", "")
    del eve


def test_a_profile_comes_back_inside_a_command(
    bob: Keys, run: Run, program: str, home: Path
) -> None:
    """Where no secret was put away, --clear gives back all there was."""
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile bob]\n{lines_of(bob)}")
    script = """awsassume example-role -- bash -c 'eval "$(awsassume --clear)" && echo "$AWS_PROFILE" && env'"""
    done = sh(run, script, AWS_PROFILE="bob", PATH=on_path(program, os.environ)["PATH"])
    assert done.stdout.startswith("bob\n")
    assert "AWSASSUME_SAVED" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "around",
    [
        "awsassume --serve other-role --",
        "awsassume --serve other-role -- awsassume --serve other-role --",
        "awsassume --serve other-role -- awsassume other-role --",
        "awsassume other-role -- awsassume --serve other-role --",
        "awsassume --serve other-role -- awsassume other-role -- awsassume --serve other-role --",
    ],
)
def test_every_layer_is_peeled(
    bob: Keys, aws: FakeAws, run: Run, program: str, around: str
) -> None:
    """However deep it is called, a role is assumed as the user, and the command is that role."""
    aws.add_role("other-role")
    options = "--serve" if "other-role --" in around.rpartition("--serve")[2] else ""
    done = sh(
        run,
        f"{around} awsassume {options} example-role --no-cache -- {WHO}",
        PATH=on_path(program, os.environ)["PATH"],
    )
    assert (done.stdout, done.stderr) == ("assumed-role/example-role\n", "")
    assert {call.access_key_id for call in aws.calls("AssumeRole")} == {bob.access_key_id}


@pytest.mark.parametrize(
    "shell, name",
    [
        ("bash", "AWS_ACCOUNT_ID"),
        ("bash", "AWS_BEARER_TOKEN_X"),
        ("zsh", "AWS_CREDENTIAL_SCOPE"),
        ("fish", "AWS_ACCOUNT_ID"),
    ],
)
def test_what_would_keep_programs_from_starting_is_refused(
    bob: Keys, run: Run, program: str, shell: Callable[[str], str] | str, name: str
) -> None:
    """A value that fits, and whose memory would not: one line, no success, nothing changed, and programs still start."""
    del bob
    plain = {"zsh": ("-f",), "fish": ("--no-config",)}.get(str(shell), ())
    script = 'eval "$(awsassume example)" && echo AS; awsassume example -- true; printenv AWSASSUME_ROLE; /bin/echo fine'
    done = run(
        "-c",
        script,
        argv=(str(shell), *plain),
        environ={name: "é" * 45_000, "PATH": on_path(program, os.environ)["PATH"]},
    )
    assert done.stdout == "fine\n"
    assert done.stderr.count("awsassume: AWSASSUME_SAVED would be longer than the 128 KiB") == 2 - (
        name == "AWS_BEARER_TOKEN_X"
    )
