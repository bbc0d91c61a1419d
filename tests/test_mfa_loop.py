"""An mfa_process that asks us for what needs its code is told so at once, and runs no second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.aws_files import lines_of, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"
# The words that the process starts us with, and those that it is met by.
LOOPS = {
    "the same role": ("example --credential-process", "example"),
    "the same words": ("example", "example"),
    "the same words with no cache": ("--no-cache example", "--no-cache example"),
    "itself and a fresh one": ("example --refresh", "example"),
    "another role of the device": ("second --credential-process", "example"),
    "a role behind it": ("behind --credential-process", "example"),
    "by its ARN": (f"{ROLE} --profile source", f"{ROLE} --profile source"),
    "as a command": ("example -- true", "example --duration 2h"),
    "who one is": ("--whoami example", "example"),
}


def runs(home: Path) -> int:
    """Give how often the process was started."""
    return (home / "runs").read_text().count("x") if (home / "runs").exists() else 0


@pytest.fixture
def loop(aws: FakeAws, home: Path, bob: Keys, program: str) -> Callable[[str], None]:
    """Return what writes roles of one device whose code is asked of us, with these words."""
    serial = aws.add_mfa(bob).serial
    aws.add_role("other-role", trust="*")

    def make(words: str) -> None:
        script = home / "code"
        script.write_text(
            f"#!/bin/sh\necho x >>{home}/runs\n{program} {words} >/dev/null && echo 123456\n"
        )
        script.chmod(0o700)
        more = f"mfa_serial = {serial}\nmfa_process = {script}\n"
        role = f"role_arn = {ROLE}\nsource_profile = "
        write(
            home,
            f"[default]\nregion = us-east-1\n[profile source]\n{more}"
            f"[profile example]\n{role}source\n{more}"
            f"[profile second]\n{role.replace('example-', 'other-')}source\n{more}"
            f"[profile behind]\n{role.replace('example-', 'other-')}example\n",
            f"[source]\n{lines_of(bob)}[bare]\n{lines_of(bob)}",
        )

    return make


@pytest.mark.parametrize("case", LOOPS)
def test_a_loop_ends_at_once(
    aws: FakeAws, home: Path, run: Callable[..., Result], loop: Callable[[str], None], case: str
) -> None:
    """With the path that it went, the exit codes of both, one run of the process and no call that takes a code."""
    inner, outer = LOOPS[case]
    loop(inner)
    said = run(*outer.split(" "), "--verbose", code=4)
    assert runs(home) == 1
    assert (
        "mfa_process goes in a loop: mfa_process of arn:aws:iam::123456789012:mfa/" in said.stderr
    )
    assert "give it: --token-code CODE" in said.stderr
    assert "gave exit code 3" in said.stderr
    assert not aws.calls("GetSessionToken")
    assert not aws.calls("AssumeRole")
    assert "another awsassume" not in said.stderr


def test_a_process_may_ask_us_for_what_needs_no_code(
    aws: FakeAws, run: Callable[..., Result], loop: Callable[[str], None]
) -> None:
    """As one does whose codes are kept behind a role; the command finds no word of it."""
    loop("arn:aws:iam::123456789012:role/other-role --profile bare -- true")
    said = run("example", "--", "env")
    assert "AWSASSUME_CALLERS" not in said.stdout
    assert len(aws.calls("GetSessionToken")) == 1


def test_a_process_that_gives_us_the_code_is_not_waited_for_by_us(
    run: Callable[..., Result], loop: Callable[[str], None]
) -> None:
    """The one who asked for the code holds the device's lock; whoever has a code goes on without it."""
    loop("--token-code 123456 second -- true")
    run("example", "--", "true")


@pytest.mark.slow
def test_a_loop_through_an_sdk_ends_at_once(
    home: Path, run: Callable[..., Result], loop: Callable[[str], None], aws_cli: str, program: str
) -> None:
    """The process calls the AWS CLI with a profile that asks us for the role."""
    loop("--version")
    script = home / "code"
    call = f"{aws_cli} --profile sdk sts get-caller-identity >/dev/null && echo 123456"
    script.write_text(f"#!/bin/sh\necho x >>{home}/runs\n{call}\n")
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile sdk]\ncredential_process = {program} example --credential-process\n"
        )
    said = run("example", code=4)
    assert runs(home) == 1
    assert "mfa_process goes in a loop" in said.stderr
