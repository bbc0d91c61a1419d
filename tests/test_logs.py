"""A plain call in a script without the function: no secret goes into the script's own output, and it does not go on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import on_path
from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="only Linux tells it"),
    pytest.mark.usefixtures("bob"),
]
SHELLS = {
    "bash": ("bash", "--norc"),
    "zsh": ("zsh", "-f"),
    "dash": ("dash",),
    "fish": ("fish", "--no-config"),
}
WHO = "env | grep ^AWS_ACCESS_KEY_ID="
every_shell = pytest.mark.parametrize("shell", SHELLS)


def script(shell: str, program: str, tmp_path: Path, lines: str, **streams: object) -> str:
    """Run a script, with its output going into a log or as told, and give what is in the log."""
    need(SHELLS[shell][0])
    (tmp_path / "script").write_text(lines + "\n")
    with (tmp_path / "log").open("w") as log:
        done = subprocess.run(
            [*SHELLS[shell], "script"],
            cwd=tmp_path, env=on_path(program, os.environ), stdin=subprocess.DEVNULL, check=False,
            timeout=BOUND, text=True, **{"stdout": log, "stderr": subprocess.PIPE, **streams},
        )  # type: ignore[call-overload]  # fmt: skip
    return str((tmp_path / "log").read_text() + (done.stdout or "") + (done.stderr or ""))


PLAIN = [
    "awsassume example && echo WENT ON",
    "if true; {then} awsassume example && echo WENT ON; {fi}",
    "awsassume example --quiet && echo WENT ON",
    "awsassume --clear && echo WENT ON",
    "cd / && awsassume example && echo WENT ON",
]
POSIX_PLAIN = [
    "(awsassume example && echo WENT ON)\ntrue",
    "f() { awsassume example && echo WENT ON; }\nf",
    "set -e\nawsassume example\necho WENT ON",
    "( (awsassume example && echo WENT ON); true)\ntrue",
]


@pytest.mark.slow
@every_shell
@pytest.mark.parametrize("output", ["log", "CI's pipe"])
def test_a_plain_call_is_refused_as_on_a_terminal(
    shell: str, output: str, program: str, tmp_path: Path
) -> None:
    """Into a file, and into the pipe of whoever runs scripts: the advice is the same, and no secret is in it."""
    then, fi = ("", "end") if shell == "fish" else ("then", "fi")
    streams = {} if output == "log" else {"stdout": subprocess.PIPE}
    for lines in [*PLAIN, *([] if shell == "fish" else POSIX_PLAIN)]:
        text = lines.replace("{then}", then).replace("{fi}", fi)
        said = script(shell, program, tmp_path, text, **streams)
        assert "would print credentials into the output of this script" in said, (text, said)
        assert '  run: eval "$(awsassume ' in said
        assert "AWS_SECRET_ACCESS_KEY" not in said
        assert "WENT ON" not in said


@every_shell
@pytest.mark.parametrize("reader", ["tee log", "cat > log"])
def test_a_plain_call_behind_a_pipe_into_a_log_is_refused(
    shell: str, reader: str, program: str, tmp_path: Path
) -> None:
    """`./script | tee log` is a log too."""
    need(SHELLS[shell][0])
    (tmp_path / "script").write_text("awsassume example && echo WENT ON\ntrue\n")
    done = subprocess.run(
        ["bash", "-c", f"{' '.join(SHELLS[shell])} script | {reader}; true"],
        cwd=tmp_path, env=on_path(program, os.environ), capture_output=True, text=True, check=False, timeout=BOUND,
    )  # fmt: skip
    assert "into the output of this script" in done.stderr
    assert "AWS_SECRET" not in (tmp_path / "log").read_text() + done.stdout


POSIX = [
    f'eval "$(awsassume example)" && {WHO}',
    f'eval "$(awsassume example; true)" && {WHO}',
    f'eval "$(awsassume example || echo false)" && {WHO}',
    f'eval "$(true; awsassume example)" && {WHO}',
    f'eval "$(cd / && awsassume example)" && {WHO}',
    f'eval "$( (awsassume example; true); true)" && {WHO}',
    f'x=$(awsassume example) && eval "$x" && {WHO}',
    f"eval `awsassume example; true` && {WHO}",
    f"awsassume example > code && . ./code && {WHO}",
    f"{{ awsassume example; true; }} > code && . ./code && {WHO}",
    f"f() {{ awsassume example; true; }}\nf > code && . ./code && {WHO}",
    f"(awsassume example; true) > code && . ./code && {WHO}",
    f'awsassume example | cat > code && eval "$(cat code)" && {WHO}',
    f"{{ awsassume example; true; }} | cat > code && . ./code && {WHO}",
    f'f() {{ awsassume example; true; }}\neval "$(f)" && {WHO}',
    f'eval "$(sh wrapper)" && {WHO}',
    f'eval "$(bash wrapper | grep -v REGION)" && {WHO}',
    f"awsassume example --format env >> code && . ./code && {WHO}",
    f"awsassume example -- {WHO.partition(' |')[0]} | grep ^AWS_ACCESS",
    f'eval "$(make -s creds)" && {WHO}',
    f'eval "$(make -s shell)" && {WHO}',
    "awsassume example --format process",
    "awsassume example --show",
    "awsassume example > /dev/null && env && echo AWS_ACCESS_KEY_ID=ASIA",
]
BASH = [
    f"source <(awsassume example) && {WHO}",
    f"source <(awsassume example; true) && {WHO}",
    "cat <(awsassume example --format env-no-export)",
    "cat <(cd /; awsassume example --format env-no-export; true)",
]
FISH = [
    f"eval (awsassume example); and {WHO}",
    f"eval (awsassume example; true); and {WHO}",
    f"awsassume example | source; and {WHO}",
    f"begin; awsassume example; end | source; and {WHO}",
    f"begin; awsassume example; end > code; source code; and {WHO}",
    f"function f; awsassume example; end; f | source; and {WHO}",
    f"awsassume example > code; and source code; and {WHO}",
]


@pytest.mark.slow
@every_shell
def test_whatever_reads_the_call_goes_on_doing_so(shell: str, program: str, tmp_path: Path) -> None:
    """Forms that work go on working, also where the parent is a fork whose output is ours."""
    (tmp_path / "wrapper").write_text("cd .\nawsassume example\ntrue\n")
    (tmp_path / "Makefile").write_text(
        "creds:\n\t@cd . && awsassume example && true\n"
        "shell:\n\t$(info $(shell cd .; awsassume example; true))@true\n"
    )
    forms = {"fish": FISH, "bash": POSIX + BASH, "zsh": POSIX + BASH[:1] + BASH[2:]}.get(
        shell, POSIX
    )
    for lines in forms:
        if "make " in lines:
            need("make")
        for streams in ({}, {"stdout": subprocess.PIPE}):
            said = script(shell, program, tmp_path, f"{lines}\ntrue", **streams)
            assert "ASIA" in said, (lines, said)
            assert "would print" not in said, (lines, said)


def test_the_log_of_another_program_is_none_of_ours(program: str, tmp_path: Path) -> None:
    """A program that starts us for itself reads us: only a shell is a script."""
    lines = "import subprocess; subprocess.run(['awsassume', 'example'])"
    with (tmp_path / "log").open("w") as log:
        subprocess.run(
            [sys.executable, "-c", lines],
            env=on_path(program, os.environ), stdout=log, check=True, timeout=BOUND,
        )  # fmt: skip
    assert "AWS_ACCESS_KEY_ID='ASIA" in (tmp_path / "log").read_text()
