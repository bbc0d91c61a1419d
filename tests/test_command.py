"""`-- COMMAND` finds what `env` would have left it, but for the role: locale, signals, descriptors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("bob")
LINUX = pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="only Linux tells it")


def sh(line: str, program: str, shell: str = "bash", **variables: str) -> tuple[int, str]:
    """Run a line in a shell with no locale but what is given, `$RUN` for the start of the call."""
    need(shell)
    environ = {
        name: text for name, text in os.environ.items() if not name.startswith(("LC_", "LANG"))
    }
    done = subprocess.run(
        [shell, "-c", line],
        env={**environ, "RUN": program, "PYTHON": sys.executable, **variables},
        capture_output=True, text=True, check=False, timeout=BOUND,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize(
    "variables",
    [
        {}, {"LANG": "C"}, {"LANG": "POSIX"}, {"LC_CTYPE": "C"}, {"LC_CTYPE": "C.UTF-8"}, {"LC_CTYPE": "POSIX"},
        {"LANG": "C.UTF-8"}, {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8", "LC_CTYPE": "C.UTF-8"}, {"LC_CTYPE": ""},
    ],
    ids=str,
)  # fmt: skip
def test_the_locale_is_the_user_s(variables: dict[str, str], program: str) -> None:
    """What Python sets for itself where there is none is taken back, and what the user set is not."""
    show = "env | grep -E '^(LC_|LANG)' | sort"
    for start in ('"$RUN" example --', '"$RUN" --serve example --'):
        seen = sh(f'{start} sh -c "{show}"', program, **variables)
        assert seen == sh(f'env sh -c "{show}"', program, **variables)


def test_codes_are_those_of_env(program: str, tmp_path: Path) -> None:
    """127 for what is not there, 126 for what can't be run, and else the command's own."""
    (tmp_path / "plain").write_text("text\n")
    (tmp_path / "no-interpreter").write_text("#!/no/such/thing\n")
    (tmp_path / "script").write_text('echo "$0 $1 $AWSASSUME_ROLE"; exit 9\n')
    for name in ("no-interpreter", "script"):
        (tmp_path / name).chmod(0o755)
    for command in ("nosuch", "/no/such", f"{tmp_path}", f"{tmp_path}/plain", f"{tmp_path}/plain/x",
                    f"{tmp_path}/no-interpreter", "sh -c 'exit 3'", "false"):  # fmt: skip
        ours, theirs = (sh(f"{start} {command}", program) for start in ('"$RUN" example --', "env"))
        assert ours == theirs, command
    assert sh(f'"$RUN" example -- {tmp_path}/script a', program) == (
        9,
        f"{tmp_path}/script a example\n",
    )
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert sh('"$RUN" example -- script a', program, PATH=path)[0] == 9
    assert sh('"$RUN" --serve example -- nosuch', program)[0] == 127


@LINUX
@pytest.mark.parametrize("shell", ["bash", "zsh", "dash"])
@pytest.mark.parametrize(
    "trap", ["", "trap '' PIPE", "trap '' XFSZ", "trap '' HUP TERM", "trap '' INT QUIT USR1"]
)
def test_signals_are_as_they_were(shell: str, trap: str, program: str) -> None:
    """What the shell ignores the command ignores, and nothing else."""
    show = "grep -E '^Sig(Ign|Blk)' /proc/self/status; true"
    ours, theirs = (
        sh(f"{trap or 'true'}\n{start} {show}", program, shell)
        for start in ('"$RUN" example --', "env")
    )
    assert ours == theirs


@LINUX
@pytest.mark.parametrize("opened", ["", "3</dev/null", "5>/dev/null 9</dev/null", "<&-", ">&-"])
def test_descriptors_are_as_they_were(opened: str, program: str, tmp_path: Path) -> None:
    """No file of ours is open in the command, and none of the shell's is closed."""
    (tmp_path / "list").write_text(
        "import os\nseen = [n for n in range(20) if os.path.exists(f'/proc/self/fd/{n}')]\n"
        "open(os.environ['OUT'], 'w').write(str(seen))\n"
    )
    seen = []
    for start in ('"$RUN" example --', "env"):
        sh(
            f'{start} "$PYTHON" -I -S {tmp_path}/list {opened}; true',
            program,
            OUT=str(tmp_path / "out"),
        )
        seen.append((tmp_path / "out").read_text())
    assert seen[0] == seen[1]
