"""Every shell that our users type in, without a shim: become, come back, and fail, as the README has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import Place
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Iterator


class Shell(NamedTuple):
    """How a shell reads what a call prints, how it starts a program, and how it goes on after success."""

    command: tuple[str, ...]
    load: str
    dump: str = '"$PYTHON" -I -S "$DUMP" {}'
    after: str = "{} && echo WENT ON; true"


def posix(*command: str) -> Shell:
    """Make a POSIX shell."""
    return Shell((*command, "-c"), 'eval "$(awsassume {})"')


SHELLS = {
    "bash": posix("bash", "--norc"),
    "zsh": posix("zsh", "-f"),
    "dash": posix("dash"),
    "ksh93": posix("ksh93"),
    "mksh": posix("mksh"),
    "busybox": posix("busybox", "sh"),
    "yash": posix("yash", "--norcfile"),
    "fish": Shell(("fish", "--no-config", "-c"), "eval (awsassume {})"),
    "fish-quoted": Shell(("fish", "--no-config", "-c"), 'eval "$(awsassume {})"'),
    "fish-source": Shell(("fish", "--no-config", "-c"), "awsassume {} | source"),
    "tcsh": Shell(("tcsh", "-f", "-c"), 'eval "`awsassume {}`"', after="{} && echo WENT ON"),
    "tcsh-bare": Shell(("tcsh", "-f", "-c"), "eval `awsassume {}`", after="{} && echo WENT ON"),
    "elvish": Shell(
        ("elvish", "-norc", "-c"),
        "eval (awsassume {} | slurp)",
        "(external $E:PYTHON) -I -S $E:DUMP {}",
        "{}; echo WENT ON",
    ),
    "nushell": Shell(
        ("nu", "--no-config-file", "-c"),
        "awsassume {} | from json | load-env",
        "^$env.PYTHON -I -S $env.DUMP {}",
        "{}; print 'WENT ON'",
    ),
    "powershell": Shell(
        ("pwsh", "-NoProfile", "-Command"),
        "awsassume {} | Out-String | Invoke-Expression",
        "& $env:PYTHON -I -S $env:DUMP {}",
        "{}; 'WENT ON'",
    ),
}
every_shell = pytest.mark.parametrize("name", SHELLS)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module."""
    with FakeAws() as aws:
        yield Place.make(aws, tmp_path_factory.mktemp("bob"))


def run(place: Place, name: str, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run lines in the shell, with variables that are hard to save and restore."""
    shell = SHELLS[name]
    if shell.command[0] == "pwsh" and shutil.which("pwsh") is None:
        pytest.skip("no registry that CI reaches has pwsh")
    need(shell.command[0])
    return subprocess.run(
        (*shell.command, "\n".join(lines)),
        env={
            **place.environ,
            "PYTHON": sys.executable,
            "DUMP": str(place.home / "dump.py"),
            # Without quotes around them backquotes make one blank of two.
            "AWS_PROFILE": 'it\'s \\ "me" $HOME `id` !! é' + ("" if name == "tcsh-bare" else "  x"),
            "AWS_CREDENTIAL_SCOPE": "-n",
        },
        cwd=place.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )


def kept(environ: dict[str, str]) -> dict[str, str]:
    """Leave out what the shell itself changes."""
    return {n: v for n, v in environ.items() if n.startswith(("AWS_", "AWSASSUME_", "HOME"))}


@every_shell
def test_a_role_is_taken_and_given_back(name: str, place: Place) -> None:
    """The format is found by the shell that calls; --clear gives back what there was, byte for byte."""
    shell = SHELLS[name]
    done = run(
        place,
        name,
        shell.dump.format("before"),
        shell.load.format("--profile default example-role"),
        shell.dump.format("during"),
        shell.load.format("--clear"),
        shell.dump.format("after"),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    during = place.dumped("during")
    assert during["AWSASSUME_ROLE"] == "example-role"
    assert during["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "AWS_PROFILE" not in during
    assert kept(place.dumped("after")) == kept(place.dumped("before"))


@every_shell
@pytest.mark.parametrize(
    "words",
    ["--profile nope x", "--nonsense", "''"],
    ids=["missing profile", "unknown option", "empty role"],
)
def test_nothing_goes_on_after_a_failure(name: str, words: str, place: Place) -> None:
    """What follows on success does not run, and the environment is what it was."""
    shell = SHELLS[name]
    done = run(place, name, shell.after.format(shell.load.format(words)))
    assert "WENT ON" not in done.stdout
    assert "awsassume: " in done.stderr
    if name not in {"elvish", "nushell", "powershell"}:
        lines = (shell.dump.format("before"), shell.load.format(words), shell.dump.format("after"))
        run(place, name, *lines)
        assert kept(place.dumped("after")) == kept(place.dumped("before"))


def test_cmd_gets_lines_that_for_can_run(place: Place) -> None:
    """`for /f "delims=" %i in ('awsassume example') do %i`: a set line each, with nothing to expand."""
    done = subprocess.run(
        ("awsassume", "example", "--format", "windows-cmd"),
        env=place.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, asked = done.stdout.splitlines()
    assert all(line.startswith('set "AWS') and line.endswith('"') for line in lines)
    assert asked.startswith('cmd /v:on /d /c "if not "!AWS_ACCESS_KEY_ID!"=="ASIA')
