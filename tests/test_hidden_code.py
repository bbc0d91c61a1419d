"""While a code is typed the terminal hides it; whatever ends or stops the program, the terminal is as it was found."""

from __future__ import annotations

import os
import re
import signal
import termios

import pexpect
import pytest

from tests.aws_files import lines_of, on_path, write
from tests.conftest import need
from tests.fake_aws import FakeAws  # noqa: TC001  # a fixture's
from tests.waiting import BOUND, eventually

ASKS = "MFA code for [^ ]*: "


@pytest.fixture
def guarded(aws: FakeAws, home: object, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """Give Bob a role that wants a code."""
    bob = aws.add_user("Bob")
    serial = aws.add_mfa(bob).serial
    role = aws.add_role("one", trust=bob, mfa=True)
    write(
        home,  # type: ignore[arg-type]
        f"[default]\n{lines_of(bob)}"
        f"[profile one]\nrole_arn = {role.arn}\nsource_profile = default\nmfa_serial = {serial}\n",
    )
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    return aws


def asked(program: str, line: str) -> pexpect.spawn[str]:
    """Start a line in bash with job control on a terminal, and wait until the code is asked for, and hidden."""
    child = pexpect.spawn(
        need("bash"),
        ["--norc", "-c", f"set -m; {line}"],
        env=on_path(program, os.environ), encoding="utf-8", timeout=BOUND, dimensions=(24, 200),
    )  # fmt: skip
    child.expect(ASKS)
    assert eventually(lambda: not child.getecho())
    return child


@pytest.mark.parametrize("end", ["TERM", "HUP", "QUIT", "USR1", "ALRM", "INT", "^C", "^D", "^\\"])
@pytest.mark.usefixtures("guarded")
def test_the_terminal_is_as_it_was_whatever_ends_the_question(program: str, end: str) -> None:
    """By each signal that can be caught, by the keys that send one, and by the end of what is typed."""
    line = "awsassume one -- true & pid=$!; echo pid:$pid:; fg >/dev/null; echo code:$?: $(stty -a)"
    child = pexpect.spawn(
        need("bash"), ["--norc", "-c", f"set -m; {line}"],
        env=on_path(program, os.environ), encoding="utf-8", timeout=BOUND, dimensions=(24, 200),
    )  # fmt: skip
    before = termios.tcgetattr(child.child_fd)
    child.expect(r"pid:(\d+):")
    match = child.match
    assert isinstance(match, re.Match)
    child.expect(ASKS)
    assert eventually(lambda: not child.getecho())
    if end.startswith("^"):
        child.sendcontrol(end[1].lower())
    else:
        os.kill(int(match[1]), getattr(signal, f"SIG{end}"))
    child.expect(r"code:(\d+):")
    assert termios.tcgetattr(child.child_fd) == before
    child.close()


@pytest.mark.usefixtures("guarded")
def test_a_stop_gives_the_terminal_back_and_a_continue_hides_again(program: str) -> None:
    """Ctrl-Z: what is typed then is seen; behind `fg` the code is not, and it is taken."""
    child = asked(
        program, "awsassume one -- echo became; echo stopped; read x; fg >/dev/null; echo code:$?:"
    )
    child.sendcontrol("z")
    child.expect("stopped")
    assert eventually(child.getecho)
    child.sendline("x")
    assert eventually(lambda: not child.getecho())
    child.sendline("123456")
    child.expect("became")
    assert "123456" not in str(child.before)
    child.expect("code:0:")
    assert child.getecho()
    child.close()
