"""The shims change the shell and nothing else: each in its real shell, whatever its user has set."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from awsassume import shims
from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator

every_shell = pytest.mark.parametrize("shell", SHELLS)
hard_and_easy = pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])

HOSTILE = ['/opt/it\'s \\ "$here"/py`thon`', "-I", "-S", "/x y/__main__.py"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Yield one place for the whole module: its sessions stay fresh, so that most calls are hits."""
    with FakeAws() as aws:
        yield Place.make(aws, tmp_path_factory.mktemp("bob"))


def quiet(done: subprocess.CompletedProcess[str]) -> None:
    """Fail unless a run ended well and said nothing."""
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- the files themselves


@every_shell
def test_the_file_works_without_being_filled_in(shell: str, place: Place) -> None:
    """Sourced as it is, it starts the program by its name."""
    text = shims.script(shell, ["awsassume"]).replace("'awsassume'", "awsassume")
    done = place.run(shell, f"{text}\nawsassume --version", shim=False)
    assert done.stderr == ""
    assert done.stdout.startswith("awsassume ")


@every_shell
def test_the_quickest_way_to_start_is_filled_in_and_quoted(shell: str, place: Place) -> None:
    """An interpreter in a folder with quotes, blanks and dollars is started as it stands."""
    folder = place.home / 'it\'s \\ "$here" `thon`'
    folder.mkdir(exist_ok=True)
    program = folder / "py"
    program.write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    program.chmod(0o755)
    text = shims.script(shell, [str(program), "-I", "a b"])
    done = place.run(shell, f"{text}\nawsassume -- x 'y z'", shim=False)
    assert (done.stdout, done.stderr) == ("<-I><a b><--><x><y z>", "")


def test_init_starts_this_interpreter_without_site(place: Place) -> None:
    """What --init prints starts PYTHON -I -S …/__main__.py everywhere."""
    main = str(Path(shims.__file__).with_name("__main__.py"))
    for shell in SHELLS:
        text = place.shim(shell).read_text()
        starts = re.findall(r"command (\S+) '?-I'? '?-S'? (\S+)", text)
        assert len(starts) == 4
        assert {tuple(word.strip("'") for word in start) for start in starts} == {
            (sys.executable, main)
        }


def test_a_shell_without_a_shim_is_named() -> None:
    """The error lists those that have one."""
    with pytest.raises(ValueError, match="bash, zsh, fish"):
        shims.script("csh", ["awsassume"])


@pytest.mark.parametrize("command", [["awsassume"], HOSTILE], ids=["plain", "hostile"])
@pytest.mark.parametrize(
    "linter",
    [
        ("bash", "shellcheck", "--shell=bash"),
        ("bash", "shfmt", "-d", "-ln", "bash", "-i", "4", "-ci"),
        ("bash", "bash", "-n"),
        ("zsh", "zsh", "-f", "-n"),
        ("fish", "fish_indent", "--check"),
        ("fish", "fish", "--no-config", "--no-execute"),
    ],
    ids=lambda linter: linter[1],
)
def test_what_init_prints_is_clean(
    linter: tuple[str, ...], command: list[str], tmp_path: Path
) -> None:
    """Linters and formatters have nothing to say, also of a command that needs quoting."""
    need(linter[1])
    file = tmp_path / f"shim.{linter[0]}"
    file.write_text(shims.script(linter[0], command))
    if command is HOSTILE and linter[1] == "shellcheck":
        linter = (*linter, "--exclude=SC2016")  # a dollar between single quotes
    if command is HOSTILE and linter[1] == "fish_indent":
        pytest.skip("fish_indent has its own mind about which quotes are needed")
    done = subprocess.run([*linter[1:], str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@every_shell
@hard_and_easy
@pytest.mark.parametrize("interactive", [False, True], ids=["script", "interactive"])
def test_sourcing_twice_says_nothing(
    shell: str, strict: bool, interactive: bool, place: Place
) -> None:
    """No output, status 0, and one hook however often."""
    count = {
        "bash": '\\builtin test "${PROMPT_COMMAND-}" = "${WANT-}"',
        "zsh": '[[ "${precmd_functions[*]}" == __awsassume_hook ]]',
        "fish": "builtin true",
    }[shell]
    done = place.run(
        shell,
        f"{place.sourcing(shell)}\n{count}",
        strict=strict,
        interactive=interactive,
        environ={"WANT": "__awsassume_hook" if interactive else ""},
    )
    said = [
        line
        for line in done.stderr.splitlines()
        if "job control" not in line and "terminal process group" not in line
    ]
    assert (done.returncode, done.stdout, said) == (0, "", [])


NAMES = {
    "bash": "\\builtin compgen -v; \\builtin compgen -A function; \\builtin compgen -a",
    "zsh": "\\builtin print -rl -- ${(k)parameters} ${(k)functions} ${(k)aliases}",
    "fish": "set --names; functions --all --names",
}


@every_shell
def test_no_name_without_our_prefix_is_left_behind(shell: str, place: Place) -> None:
    """Variables, functions and aliases are as before, but for ours; also after a role was taken and given back."""
    if shell == "zsh":
        before = place.run(shell, f"zmodload zsh/parameter\n{NAMES[shell]}", shim=False)
        script = f"zmodload zsh/parameter\nawsassume example; awsassume --clear\n{NAMES[shell]}"
    else:
        before = place.run(shell, NAMES[shell], shim=False)
        script = f"awsassume example; awsassume --clear\n{NAMES[shell]}"
    after = place.run(shell, script)
    new = set(after.stdout.split()) - set(before.stdout.split())
    # bash sets these itself whenever anything has run.
    new -= {"_", "BASH_LINENO", "FUNCNAME", "PIPESTATUS", "BASH_REMATCH", "OPTIND"}
    shown = {"awsassume", "awsassume_prompt"}
    # zsh: the lists of hooks are made where there were none.
    allowed = {"precmd_functions", "preexec_functions"} if shell == "zsh" else set()
    assert {name for name in new if not name.startswith("__awsassume_")} - shown - allowed == set()


# --- becoming, and coming back


@every_shell
@hard_and_easy
def test_a_role_is_taken_and_given_back(shell: str, strict: bool, place: Place) -> None:
    """One word changes the shell; --clear restores the environment byte for byte; nothing is said."""
    script = (
        f"{dump('before')}\nawsassume example\n{dump('during')}\nawsassume --clear\n{dump('after')}"
    )
    quiet(
        place.run(
            shell,
            script,
            strict=strict,
            environ={"AWS_PROFILE": "it's \\ me", "AWS_REGION": "here"},
        )
    )
    before, during, after = (place.dumped(name) for name in ("before", "during", "after"))
    assert during["AWSASSUME_ROLE"] == "example"
    assert during["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert "AWS_PROFILE" not in during
    assert not {"AWSASSUME_SHELL", "AWSASSUME_SHIM_FD"} & set(during)
    assert after == before


@every_shell
@hard_and_easy
def test_a_failure_keeps_its_code_and_changes_nothing(
    shell: str, strict: bool, place: Place
) -> None:
    """The exit code is the program's, `&&` stops, and the environment is what it was."""
    tried = (
        "if awsassume --profile nope x; builtin echo WENT ON; end"
        if shell == "fish"
        else "if awsassume --profile nope x; then \\builtin echo WENT ON; fi"
    )
    done = place.run(shell, f"{dump('before')}\n{tried}\n{dump('after')}", strict=strict)
    assert (done.returncode, done.stdout) == (0, "")
    assert "nope" in done.stderr
    assert place.dumped("after") == place.dumped("before")
    assert place.run(shell, "awsassume --profile nope x").returncode == 3


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_errexit_ends_the_script(shell: str, place: Place) -> None:
    """Under `set -e` a role that can't be had is the end."""
    done = place.run(shell, "set -e\nawsassume --profile nope x\necho WENT ON")
    assert (done.returncode, done.stdout) == (3, "")


LINES = [
    "--version",
    "--help",
    "-h",
    "",
    "--nonsense",
    "--init bash",
    "--init csh",
    "--credential-process example",
    "example --format process",
    "example --format env",
    "example --format fish",
    "example --format env-no-export",
    "example --format nope",
    "example --show",
    "example -- sh -c 'echo out; echo err >&2; exit 9'",
    "example -- /nowhere",
    "example --",
    "-- true",
    "nope",
    "nope -- true",
    "--profile nope example-role",
    "--clear example",
    "--duration 1s example",
    "example --policy '{'",
]


@every_shell
@pytest.mark.parametrize("line", LINES)
def test_every_other_mode_behaves_as_without_the_shim(shell: str, line: str, place: Place) -> None:
    """Both streams and the exit code are the program's own."""
    code = "$status" if shell == "fish" else "$?"
    script = f"awsassume {line} >out 2>err\necho {code}"
    seen = []
    for shim in (True, False):
        done = place.run(shell, script, shim=shim, environ={"AWSASSUME_SHELL": shell})
        out, err = ((place.home / name).read_text() for name in ("out", "err"))
        # Without the shim, what makes eval fail is on stdout.
        seen.append((done.stdout, out if shim else out.replace("false;\n", ""), err))
    with_shim, without = seen
    assert with_shim == without


OPTIONS = [
    "--profile default example-role",
    "--region us-west-2 example",
    "--session-name bob example",
    "--duration 30m example",
    "--external-id x1 example",
    '--policy \'{"Version": "2012-10-17", "Statement": []}\' example',
    "--policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess example",
    "--tag 'Team=two words' example",
    "--tag A=1 --transitive-tag A example",
    "--source-identity bob example",
    "--refresh example",
    "--no-cache example",
    "--min-remaining 10m example",
    "--quiet example",
    "two\\ words",
]


@every_shell
@pytest.mark.parametrize("line", OPTIONS)
def test_every_option_goes_through_the_shim(shell: str, line: str, place: Place) -> None:
    """The shell becomes the role; nothing is said, under every strictness that the shell has."""
    quiet(place.run(shell, f"awsassume {line}\n{dump('during')}", strict=True))
    assert place.dumped("during")["AWS_ACCESS_KEY_ID"].startswith("ASIA")


@every_shell
def test_show_shows(shell: str, place: Place) -> None:
    """With --show a person sees the lines, and the shell stays as it is."""
    done = place.run(shell, f"{dump('before')}\nawsassume example --show\n{dump('after')}")
    assert "AWS_SECRET_ACCESS_KEY" in done.stdout
    assert place.dumped("after") == place.dumped("before")


@every_shell
def test_output_can_be_piped_and_redirected(shell: str, place: Place) -> None:
    """What is no shell code is on stdout, where a pipe finds it."""
    done = place.run(shell, "awsassume --version | tr a-z A-Z\nawsassume --version >file")
    assert done.stdout.startswith("AWSASSUME ")
    assert (place.home / "file").read_text().startswith("awsassume ")


@every_shell
def test_a_command_gets_streams_and_environment_of_its_own(shell: str, place: Place) -> None:
    """`-- COMMAND` reads stdin, is the role, and knows nothing of the shim; the shell stays as it is."""
    script = f"{dump('before')}\necho hello | awsassume example -- sh -c 'cat; {dump('inside')}'\n{dump('after')}"
    done = place.run(shell, script)
    assert done.stdout == "hello\n"
    inside = place.dumped("inside")
    assert inside["AWSASSUME_ROLE"] == "example"
    assert not {"AWSASSUME_SHELL", "AWSASSUME_SHIM_FD"} & set(inside)
    assert place.dumped("after") == place.dumped("before")
