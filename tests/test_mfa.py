"""Where an MFA code comes from, what it is used for, and who is asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.aws_files import lines_of, write
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

CODE = "123456"
GIVEN = {"AWSASSUME_TOKEN_CODE": CODE}


@pytest.fixture
def bob(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Give Bob a device, three roles that want it (`one`, `two`, `long`), and `deep`, which does not, behind `one`."""
    bob = aws.add_user("Bob")
    serial = aws.add_mfa(bob).serial
    parts = [f"[default]\n{lines_of(bob)}"]
    for name in ("one", "two", "long"):
        role = aws.add_role(name, trust=bob, mfa=True, max_session_duration=43200)
        parts.append(
            f"[profile {name}]\nrole_arn = {role.arn}\nsource_profile = default\nmfa_serial = {serial}\n"
        )
    parts.append("duration_seconds = 7200\n")
    deep = aws.add_role("deep", trust="*")
    parts.append(f"[profile deep]\nrole_arn = {deep.arn}\nsource_profile = one\n")
    write(home, "".join(parts))
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return bob


def as_json(said: Result) -> dict[str, str]:
    """Read what an SDK would."""
    answer: dict[str, str] = json.loads(said.stdout)
    return answer


def who(aws: FakeAws, said: Result) -> str:
    """Name the role that came out."""
    return aws.whose(as_json(said)["AccessKeyId"]).split("/")[1]


@pytest.mark.usefixtures("bob")
def test_one_code_serves_every_role_behind_the_device(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """The second role, and one behind the first, need none; nor does another region."""
    said = run("one", "--format", "process", "--token-code", CODE, "--verbose")
    assert who(aws, said) == "one"
    assert "one GetSessionToken session for every role behind" in said.stderr
    assert who(aws, run("two", "--format", "process")) == "two"
    assert who(aws, run("deep", "--format", "process")) == "deep"
    assert who(aws, run("two", "--format", "process", "--region", "eu-west-1")) == "two"
    assert [call.get("TokenCode") for call in aws.calls("GetSessionToken")] == [CODE]
    assert all(call.get("TokenCode") is None for call in aws.calls("AssumeRole"))


@pytest.mark.usefixtures("bob")
def test_a_longer_role_takes_the_code_itself(aws: FakeAws, run: Callable[..., Result]) -> None:
    """A role assumed with a session of GetSessionToken ends after an hour, whatever it allows."""
    said = run("long", "--format", "process", "--verbose", environ=GIVEN)
    assert "the code goes with AssumeRole, since it is to last longer than an hour" in said.stderr
    call = aws.calls("AssumeRole")[0]
    assert (call["TokenCode"], call["DurationSeconds"]) == (CODE, "7200")
    assert not aws.calls("GetSessionToken")


def test_a_temporary_source_takes_the_code_with_assume_role(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result]
) -> None:
    """GetSessionToken is for a user's own keys alone."""
    temporary = aws.issue(bob.owner, None, 3600)
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile temporary]\n{lines_of(temporary)}aws_session_token = {temporary.session_token}\n"
        )
    said = run("one", "--profile", "temporary", "--verbose", environ=GIVEN)
    assert "the code goes with AssumeRole, since its source is temporary" in said.stderr
    assert aws.calls("AssumeRole")[0]["TokenCode"] == CODE
    assert not aws.calls("GetSessionToken")


@pytest.mark.usefixtures("bob")
def test_where_getsessiontoken_is_refused_the_code_goes_with_assume_role(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """The same code, since it was not used; and --verbose says why."""
    denied = "User: Bob is not authorized to perform: sts:GetSessionToken with an explicit deny"
    aws.fault("error", "GetSessionToken", code="AccessDenied", message=denied, status=403)
    said = run("one", "--format", "process", "--verbose", environ=GIVEN)
    assert who(aws, said) == "one"
    assert "the code goes with AssumeRole, since GetSessionToken was refused" in said.stderr
    assert aws.calls("AssumeRole")[0]["TokenCode"] == CODE


def test_the_device_of_the_source_stands_for_the_role_s(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result]
) -> None:
    """mfa_serial and mfa_process may stand in the source's profile, which is the one with the user's keys."""
    serial = next(iter(aws.devices))
    arn = next(arn for arn in aws.roles if arn.endswith("/one"))
    write(
        home,
        f"[profile base]\n{lines_of(bob)}mfa_serial = {serial}\nmfa_process = echo 123456\n"
        f"[profile x]\nrole_arn = {arn}\nsource_profile = base\n",
    )
    assert who(aws, run("x", "--format", "process")) == "one"
    assert who(aws, run(arn, "--profile", "base", "--format", "process")) == "one"
    assert len(aws.calls("GetSessionToken")) == 1


@pytest.mark.parametrize(
    "command, said",
    [
        ("false", "exit code 1"),
        ("echo 12345", "no code of six digits"),
        ("/no/such/thing", "can't be run"),
        ("echo '123456", "is no command"),
    ],
)
def test_an_mfa_process_that_gives_no_code_is_named(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result], command: str, said: str
) -> None:
    """With its profile; nothing is asked of AWS, and nothing of the person."""
    role = aws.add_role("r", trust=bob)
    write(
        home,
        f"[default]\n{lines_of(bob)}[profile x]\nrole_arn = {role.arn}\nsource_profile = default\n"
        f"mfa_serial = arn:aws:iam::123456789012:mfa/Bob\nmfa_process = {command}\n",
    )
    done = run("x", code=None)
    assert done.code in {3, 4}
    assert said in done.stderr
    assert 'mfa_process of profile "x"' in done.stderr
    assert not aws.calls()


@pytest.mark.usefixtures("bob")
def test_the_options_rank(aws: FakeAws, run: Callable[..., Result]) -> None:
    """--token-code beats AWSASSUME_TOKEN_CODE; one that is no code is refused before AWS is asked."""
    run("one", "--token-code", CODE, environ={"AWSASSUME_TOKEN_CODE": "000000"})
    for words, environ in (
        (["--token-code", "12345"], {}),
        ([], {"AWSASSUME_TOKEN_CODE": "abcdef"}),
    ):
        said = run("two", "--no-cache", *words, environ=environ, code=2)
        assert "an MFA code is six digits" in said.stderr
    assert len(aws.calls("GetSessionToken")) == 1


@pytest.mark.usefixtures("bob")
def test_a_wrong_code_that_was_given_is_not_tried_again(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """Once refused, it stays wrong."""
    said = run("one", "--token-code", "654321", code=5)
    assert "the MFA code was refused (AccessDenied" in said.stderr
    assert len(aws.calls("GetSessionToken")) == 1
    assert said.stdout == "false;\n"


@pytest.mark.usefixtures("bob")
def test_a_device_that_is_not_the_user_s_is_said(aws: FakeAws, run: Callable[..., Result]) -> None:
    """Another code would not help."""
    serial = "arn:aws:iam::123456789012:mfa/other"
    said = run("one", "--mfa-serial", serial, environ=GIVEN, code=5)
    assert "the MFA device is not one of the user's" in said.stderr
    assert "aws iam list-mfa-devices" in said.stderr
    assert len(aws.calls("AssumeRole")) == 0


@pytest.mark.usefixtures("bob")
def test_without_a_terminal_it_fails_at_once(aws: FakeAws, run: Callable[..., Result]) -> None:
    """And says what to give; nothing is read from standard input."""
    said = run(
        argv=("setsid", "-w", "awsassume", "one"),
        stdin=f"{CODE}\n",
        code=4,
        environ={"PATH": f"{_beside()}:{os.environ['PATH']}"},
    )
    assert "there is no terminal to ask on" in said.stderr
    assert "--token-code" in said.stderr
    assert not aws.calls()


def _beside() -> str:
    return os.path.dirname(sys.executable)


@pytest.mark.usefixtures("bob")
def test_an_mfa_session_that_aws_ended_is_taken_anew(
    aws: FakeAws, run: Callable[..., Result]
) -> None:
    """Once, with a new code; the person need not know of the cache."""
    run("one", environ=GIVEN)
    aws.expire_now()
    said = run("two", "--format", "process", "--verbose", environ=GIVEN)
    assert who(aws, said) == "two"
    assert "AWS no longer takes the MFA session that was kept (ExpiredToken)" in said.stderr
    assert len(aws.calls("GetSessionToken")) == 2


def ask(program: str, *words: str) -> pexpect.spawn[str]:
    """Run awsassume as a person would, its standard output in a file of its own as under `$(…)`."""
    line = f'out="$({program} {" ".join(words)} --format process)"; echo "code $?"; echo "[$out]"'
    return pexpect.spawn(
        "/bin/sh", ["-c", line], encoding="utf-8", timeout=BOUND, dimensions=(40, 200)
    )


@pytest.mark.usefixtures("bob")
def test_a_person_is_asked_on_the_terminal(aws: FakeAws, program: str) -> None:
    """The code does not show; what is not six digits is asked again without a call to AWS."""
    person = ask(program, "one")
    person.expect("MFA code for arn:aws:iam::123456789012:mfa/Bob: ")
    person.sendline("12345")
    person.expect("That is not six digits")
    person.sendline("123 456")
    person.expect(r"code 0\r\n")
    person.expect(pexpect.EOF)
    assert "ASIA" in (person.before or "")
    assert len(aws.calls("GetSessionToken")) == 1


@pytest.mark.usefixtures("bob")
def test_a_wrong_code_is_asked_again_three_times_in_all(aws: FakeAws, program: str) -> None:
    """Then it is over, and said."""
    person = ask(program, "one")
    for _ in range(3):
        person.expect("MFA code for [^ ]*: ")
        person.sendline("000000")
    person.expect(r"code 5\r\n\[\]")
    assert len(aws.calls("GetSessionToken")) == 3


@pytest.mark.usefixtures("bob")
def test_a_code_that_is_right_the_second_time_is_enough(aws: FakeAws, program: str) -> None:
    """With a longer role too, where it goes with AssumeRole."""
    person = ask(program, "long")
    person.expect("MFA code for [^ ]*: ")
    person.sendline("000000")
    person.expect("the MFA code was refused")
    person.sendline(CODE)
    person.expect(r"code 0\r\n")
    person.close()
    assert [call.outcome for call in aws.calls("AssumeRole")] == ["AccessDenied", "ok"]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize("key", ["\x03", "\x04", "\r"], ids=["Ctrl-C", "Ctrl-D", "nothing"])
def test_who_gives_up_at_the_prompt_gets_nothing(
    aws: FakeAws, program: str, tmp_path: Path, key: str
) -> None:
    """130, so that `&&` stops; nothing on standard output for an SDK."""
    line = f'trap : INT; {program} one --format process >{tmp_path}/out; echo "code $?"'
    person = pexpect.spawn("/bin/sh", ["-c", line], encoding="utf-8", timeout=BOUND)
    person.expect("MFA code for [^ ]*: ")
    person.send(key)
    person.expect("code 130")
    assert (tmp_path / "out").read_text() == ""
    assert not aws.calls()


@pytest.mark.slow
@pytest.mark.usefixtures("bob")
def test_of_several_that_need_a_code_one_asks(aws: FakeAws, program: str, tmp_path: Path) -> None:
    """On one terminal: one question, one code, and each has its role; those who wait say so."""
    roles = ("one", "two", "deep")
    jobs = " ".join(
        f"({program} {role} --format process >{tmp_path}/{role} 2>{tmp_path}/{role}.err) &"
        for role in roles
    )
    # Without job control all are in the foreground's group, as under make or xargs.
    person = pexpect.spawn(
        "/bin/sh", ["-c", f"{jobs} wait; echo all done"], encoding="utf-8", timeout=BOUND
    )
    person.expect("MFA code for [^ ]*: ")
    said = [tmp_path / f"{role}.err" for role in roles]
    until = time.monotonic() + BOUND
    while sum(map(_waits, said)) < 2:
        assert time.monotonic() < until, [path.read_text() for path in said if path.exists()]
        time.sleep(0.02)
    person.sendline(CODE)
    person.expect("all done")
    assert "MFA code" not in (person.before or "")
    for role in roles:
        key = json.loads((tmp_path / role).read_text())["AccessKeyId"]
        assert aws.whose(key).split("/")[1] == role
    assert len(aws.calls("GetSessionToken")) == 1


def _waits(path: Path) -> bool:
    return path.exists() and "another awsassume is at it" in path.read_text()


@pytest.mark.usefixtures("bob")
def test_renew_never_asks(run: Callable[..., Result], aws: FakeAws) -> None:
    """At a prompt nobody typed anything; the line says what to run."""
    taken = run("one", "--format", "env", environ=GIVEN).stdout
    variables = dict(re.findall(r"export (\w+)='([^']*)'", taken))
    aws.expire_now()
    shutil.rmtree(os.environ["AWSASSUME_CACHE_DIR"])
    said = run("--renew", "--format", "env", environ=variables, code=4)
    assert "an MFA code for" in said.stderr
    assert "run: awsassume one" in said.stderr
