"""The demo, as `make demo` and `make demo-shell` start it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.conftest import need
from tests.demo.__main__ import _show
from tests.demo.article import ASSUMED
from tests.demo.world import USER_ARN, world
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DEMO = (sys.executable, "-m", "tests.demo")


def answers(endpoint_url: str) -> bool:
    """Whether anything listens there."""
    host, port = endpoint_url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_demo_ends_with_all_of_the_article_true(
    shell: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    """Every command is shown, the last line says so, and nothing is left running or lying about."""
    need(shell)
    left = tmp_path / "left"
    left.mkdir()
    done = run("--shell", shell, argv=DEMO, cwd=ROOT, environ={"TMPDIR": str(left)})
    assert done.stdout.endswith("\nAll 10 of the article's statements were true.\n"), done
    assert '$ eval "$(awsassume example-role)"' in done.stdout
    assert "NOT TRUE" not in done.stdout
    assert done.stderr == ""
    assert list(left.iterdir()) == []
    found = re.search(r"http://127\.0\.0\.1:\d+", done.stdout)
    assert found
    assert not answers(found.group())


def test_the_demo_fails_where_an_answer_is_not_the_article_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An awsassume that does nothing leaves the shell with Bob, and the demo says what isn't so."""
    idle = tmp_path / "bin/awsassume"
    idle.parent.mkdir()
    idle.write_text("#!/bin/sh\n")
    idle.chmod(0o755)
    with world() as there:
        path = f"{idle.parent}{os.pathsep}{there.environ['PATH']}"
        assert _show("bash", replace(there, environ={**there.environ, "PATH": path})) == 1
    told = capsys.readouterr().out
    assert "# NOT TRUE: AWS CLI commands are invoked as example-role" in told
    assert told.endswith("3 of the article's 10 statements were not true.\n")


def test_a_person_can_play_in_the_demo_s_shell(tmp_path: Path) -> None:
    """On a terminal the role comes and goes, Ctrl-C leaves all standing, and `exit` ends it."""
    there = pexpect.spawn(
        DEMO[0],
        [*DEMO[1:], "--interactive", "--shell", "bash"],
        cwd=str(ROOT),
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "dumb"},
        encoding="utf-8",
        timeout=BOUND,
        dimensions=(40, 300),
    )
    who = "aws sts get-caller-identity --query Arn"
    there.expect(r"takes you back\.")
    there.expect(r"\$ |# ")
    there.sendline(who)
    there.expect_exact(f'"{USER_ARN}"')
    there.sendline('eval "$(awsassume example-role)"; echo code $?')
    there.expect(r"code 0\r")
    there.sendintr()
    there.sendline(who)
    there.expect_exact(f'"{ASSUMED}')
    there.sendline('eval "$(awsassume --clear)"')
    there.sendline(who)
    there.expect_exact(f'"{USER_ARN}"')
    there.sendline("exit")
    there.expect(pexpect.EOF)
    there.close()
    assert there.exitstatus == 0


def test_the_demo_s_aws_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """However the process in front of it is killed, moto's server doesn't stay behind."""
    program = (
        "from tests.demo.world import world\n"
        "with world() as there: print(there.endpoint_url, flush=True); input()"
    )
    process = subprocess.Popen(
        (sys.executable, "-c", program),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        endpoint_url = process.stdout.readline().strip()
        assert answers(endpoint_url)
        process.send_signal(signal.SIGKILL)
    while answers(endpoint_url):  # pytest's own time limit ends a wait in vain
        pass
