"""A command behind --, stopped by Ctrl-Z, in each shell with its function: one start, a prompt, and fg goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place
from tests.terminal import SUSPEND, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = """\
#!/bin/sh
echo run >>runs
echo started
read line
echo "got $line as $AWSASSUME_ROLE"
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Yield a place with a job that says when it starts and waits for a line, and a role behind MFA."""
    with FakeAws() as aws:
        place = Place.make(aws, tmp_path / "bob")
        job = place.home / "job.sh"
        job.write_text(JOB)
        job.chmod(0o755)
        keys = aws.add_user("Carol", allow=["sts:AssumeRole"])
        serial = aws.add_mfa(keys).serial
        role = aws.add_role("guarded-role", trust=keys, mfa=True)
        known = aws.environ(keys)
        with (place.home / ".aws/config").open("a") as file:
            file.write(
                f"[profile guarded]\nrole_arn = {role.arn}\nsource_profile = carol\n"
                f"mfa_serial = {serial}\n"
            )
        with (place.home / ".aws/credentials").open("a") as file:
            file.write(
                f"[carol]\naws_access_key_id = {known['AWS_ACCESS_KEY_ID']}\n"
                f"aws_secret_access_key = {known['AWS_SECRET_ACCESS_KEY']}\n"
            )
        yield place


LINES = {
    "alone": "awsassume example -- ./job.sh",
    "listed": "awsassume example -- ./job.sh; true",
    "options first": "awsassume --region eu-west-1 example -- ./job.sh --",
    "served": "awsassume example --serve -- ./job.sh",
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("form", LINES)
def test_a_stopped_command_is_started_once(form: str, shell: str, place: Place) -> None:
    """Ctrl-Z brings the prompt, and fg the command that was stopped; it was started once."""
    with Terminal(shell, place) as terminal:
        terminal.type(f"{LINES[form]}\r")
        terminal.see("started\r\n")
        terminal.type(SUSPEND)
        terminal.see("P> ")
        terminal.code()
        terminal.type("fg\r")
        terminal.type("hello\r")
        terminal.see("got hello")
        terminal.code()
    assert (place.home / "runs").read_text() == "run\n"


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_a_stop_while_a_code_is_asked_for(shell: str, place: Place) -> None:
    """The question can be stopped, and answered behind fg; the command is started once."""
    with Terminal(shell, place) as terminal:
        terminal.type("awsassume guarded -- ./job.sh\r")
        terminal.see("MFA code for [^ ]*: ")
        terminal.type(SUSPEND)
        terminal.see("P> ")
        terminal.code()
        terminal.type("fg\r")
        terminal.type("123456\r")
        terminal.see("started\r\n")
        terminal.type("hello\r")
        terminal.see("got hello as guarded")
        terminal.code()
    assert (place.home / "runs").read_text() == "run\n"
