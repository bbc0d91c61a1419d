"""The choice of a role, on a real terminal: drawn on /dev/tty, while a shell reads the result."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pexpect
import pyte
import pytest

from tests.aws_files import lines_of, on_path, write
from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws.aws import FakeAws

DOWN, UP, ESCAPE, ENTER = "\x1b[B", "\x1b[A", "\x1b", "\r"
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "PS1='ready> '", "$?"),
    "zsh": (["-f", "-i"], "PS1='ready> '; unsetopt zle prompt_cr prompt_sp", "$?"),
    "fish": (["--no-config", "-i"], "function fish_prompt; echo -n 'ready> '; end", "$status"),
}
INIT = {
    "bash": 'eval "$(awsassume --init bash)"',
    "zsh": 'eval "$(awsassume --init zsh)"',
    "fish": "awsassume --init fish | source",
}


class Person:
    """Somebody at a terminal: types, and waits for what is to be seen on its screen."""

    def __init__(self, shell: str, environ: dict[str, str]) -> None:
        words, prompt, self.status = SHELLS[shell]
        self.screen = pyte.Screen(160, 40)
        self.stream = pyte.Stream(self.screen)
        self.terminal = pexpect.spawn(
            need(shell), words, env=environ, encoding="utf-8", timeout=BOUND, dimensions=(40, 160)
        )
        self.lines = 0
        self.run(prompt)
        self.ends()

    def run(self, line: str) -> None:
        """Type a line, behind which the shell says that it has done it, and how it ended."""
        self.lines += 1
        # Cut in two, so that the echo of the line is not taken for its answer.
        self.terminal.sendline(f'{line}; echo "fini""shed {self.lines}={self.status}="')

    def ends(self) -> str:
        """Wait for the line to be done, and give its exit code."""
        return self.sees(rf"finished {self.lines}=(\d+)=")

    def sees(self, pattern: str) -> str:
        """Wait until a line of the screen holds a pattern, and give the group."""
        while not (found := re.search(pattern, "\n".join(self.screen.display))):
            try:
                self.stream.feed(self.terminal.read_nonblocking(65536, timeout=BOUND))
            except (pexpect.TIMEOUT, pexpect.EOF):
                shown = "\n".join(line.rstrip() for line in self.screen.display)
                pytest.fail(f"never saw {pattern!r}:\n{shown}", pytrace=False)
        return found[1]

    def waits_for(self, text: str) -> None:
        """Wait until a text is on the screen."""
        self.sees(f"({re.escape(text)})")

    def press(self, keys: str) -> None:
        """Press keys."""
        self.terminal.send(keys)

    def is_told(self, expression: str) -> str:
        """Have the shell print an expression, and give what it printed."""
        self.run(f'echo "<""<{self.lines}:{expression}:>>"')
        told = self.sees(rf"<<{self.lines - 1}:(.*?):>>")
        self.ends()
        return told


@pytest.fixture
def world(aws: FakeAws, home: Path, program: str) -> dict[str, str]:
    """Make three profiles with roles, and give the environment."""
    bob = aws.add_user("Bob")
    config = ""
    for name in ("alpha", "beta", "gamma"):
        role = aws.add_role(f"role-{name}", trust=bob)
        config += f"[profile {name}]\nrole_arn = {role.arn}\nsource_profile = base\n"
    aws.add_role("plain-role", trust=bob)
    write(home, config, f"[base]\n{lines_of(bob)}[default]\n{lines_of(bob)}")
    return on_path(program, {**os.environ, **aws.environ(), "TERM": "xterm-256color"})


@pytest.fixture
def person(world: dict[str, str]) -> Iterator[Callable[..., Person]]:
    """Return a function that seats somebody before a shell."""
    seated: list[Person] = []

    def sit(shell: str = "bash", *, shim: bool = False, **environ: str) -> Person:
        somebody = Person(shell, {**world, **environ})
        seated.append(somebody)
        if shim:
            somebody.run(INIT[shell])
            somebody.ends()
        return somebody

    yield sit
    for somebody in seated:
        somebody.terminal.close(force=True)


def word(*, shim: bool) -> str:
    """Give the line that starts the choice."""
    return "awsassume" if shim else 'eval "$(awsassume)"'


@pytest.mark.slow
@pytest.mark.parametrize("shim", [False, True], ids=["eval", "shim"])
@pytest.mark.parametrize("shell", SHELLS)
def test_arrows_and_enter_take_a_role_into_the_shell(
    person: Callable[..., Person], shell: str, shim: bool
) -> None:
    """The shell reads the result alone, though the list was drawn before its eyes."""
    somebody = person(shell, shim=shim)
    somebody.run(word(shim=shim))
    somebody.waits_for("> alpha")
    somebody.press(DOWN)
    somebody.waits_for("> base")
    somebody.press(DOWN)
    somebody.waits_for("> beta")
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "beta"
    assert somebody.is_told("$AWS_ACCESS_KEY_ID").startswith("ASIA")


@pytest.mark.slow
@pytest.mark.parametrize("shim", [False, True], ids=["eval", "shim"])
@pytest.mark.parametrize("key", ["\x1b", "\x03"], ids=["esc", "ctrl-c"])
@pytest.mark.parametrize("shell", SHELLS)
def test_esc_and_ctrl_c_leave_everything_as_it_was_and_fail(
    aws: FakeAws, person: Callable[..., Person], shell: str, key: str, shim: bool
) -> None:
    """The shim gives 130; eval reads `false`, so that `&&` stops."""
    somebody = person(shell, shim=shim)
    line = word(shim=shim)
    somebody.run(f"{line} && echo went on")
    somebody.waits_for("> alpha")
    somebody.press(key)
    somebody.waits_for("interrupted; nothing was changed")
    assert somebody.ends() == ("130" if shim else "1")
    assert somebody.is_told("$AWSASSUME_ROLE") == ""
    assert aws.calls() == []


def test_typing_narrows_the_list_by_name_account_and_role(person: Callable[..., Person]) -> None:
    """Each word typed must be somewhere in the row; Backspace widens it again."""
    somebody = person()
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("1 of 5")
    somebody.press("1234 gam")
    somebody.waits_for("1 of 1")
    somebody.press("\x7f" * 8)
    somebody.waits_for("1 of 5")
    somebody.press("role-g")
    somebody.waits_for("> gamma")
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "gamma"


def test_the_last_used_is_offered_first_with_the_words_it_was_taken_with(
    aws: FakeAws, person: Callable[..., Person], run: Callable[..., Result]
) -> None:
    """A role that no profile names comes back with its options."""
    run("plain-role", "--profile", "base", "--session-name", "again", environ=aws.environ())
    somebody = person()
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("> plain-role")
    somebody.waits_for("--session-name again")
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "plain-role"
    (call,) = aws.calls("AssumeRole")
    assert call.parameters["RoleSessionName"] == "again"


def test_a_role_that_is_in_no_list_is_typed_out(person: Callable[..., Person]) -> None:
    """Enter takes it as it stands."""
    somebody = person()
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("> alpha")
    somebody.press("plain-role")
    somebody.waits_for('Enter takes "plain-role" as ROLE')
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "plain-role"


def test_options_beside_it_hold_for_what_is_chosen(
    aws: FakeAws, person: Callable[..., Person]
) -> None:
    """They are those of the role that comes of it."""
    somebody = person()
    somebody.run('eval "$(awsassume --duration 15m --session-name mine)"')
    somebody.waits_for("> alpha")
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "alpha"
    (call,) = aws.calls("AssumeRole")
    assert call.parameters["DurationSeconds"] == "900"
    assert call.parameters["RoleSessionName"] == "mine"


def test_a_choice_is_not_remembered_as_what_no_role_means(
    person: Callable[..., Person],
) -> None:
    """The next time one chooses again."""
    somebody = person()
    for keys, name in ((ENTER, "alpha"), (f"beta{ENTER}", "beta")):
        somebody.run('eval "$(awsassume)"')
        somebody.waits_for("> alpha")
        somebody.press(keys)
        assert somebody.ends() == "0"
        assert somebody.is_told("$AWSASSUME_ROLE") == name


def test_nothing_of_the_list_stays_on_the_screen_or_in_the_output(
    person: Callable[..., Person], tmp_path: Path
) -> None:
    """What a file gets is shell code from its first byte to its last."""
    somebody = person()
    somebody.run(f"awsassume >{tmp_path}/code")
    somebody.waits_for("> alpha")
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert not any("alpha" in line for line in somebody.screen.display)
    assert "\x1b" not in (tmp_path / "code").read_text()
    read = subprocess.run(
        ["sh", "-ec", '. "$0/code"; echo "$AWSASSUME_ROLE"', str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (read.stdout, read.stderr) == ("alpha\n", "")


def test_without_colours_it_is_drawn_without(person: Callable[..., Person]) -> None:
    """NO_COLOR holds for the list too."""
    somebody = person(NO_COLOR="1")
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("1 of 5")
    drawn = [somebody.screen.buffer[line][column] for line in range(40) for column in range(160)]
    assert {char.fg for char in drawn} == {"default"}
    somebody.press(ESCAPE)
    assert somebody.ends() == "1"


@pytest.mark.parametrize(
    "typed, role", [("2\n", "base"), ("beta\n", "beta"), ("plain-role\n", "plain-role")]
)
def test_a_terminal_that_can_draw_nothing_gets_numbers(
    person: Callable[..., Person], typed: str, role: str
) -> None:
    """A number or a name, and Enter."""
    somebody = person(TERM="dumb")
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("Number or ROLE: ")
    somebody.press(typed)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == role


def test_an_empty_line_chooses_nothing(person: Callable[..., Person]) -> None:
    """As Esc does."""
    somebody = person(TERM="dumb")
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("Number or ROLE: ")
    somebody.press("\n")
    somebody.waits_for("interrupted; nothing was changed")
    assert somebody.ends() == "1"


def test_without_the_extra_there_are_numbers(person: Callable[..., Person], tmp_path: Path) -> None:
    """prompt_toolkit is no dependency: where it is not installed one still chooses."""
    (tmp_path / "prompt_toolkit.py").write_text("raise ImportError")
    somebody = person(PYTHONPATH=str(tmp_path))
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("Number or ROLE: ")
    somebody.press("1\n")
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "alpha"


@pytest.mark.parametrize("words", [(), ("--format", "process"), ("--credential-process",)])
def test_where_nobody_could_choose_it_is_a_usage_error(
    run: Callable[..., Result], words: tuple[str, ...]
) -> None:
    """No terminal, or an SDK that waits for JSON: exit code 2 at once."""
    said = run(*words, code=2, argv=("setsid", "--wait", f"{sys.executable[:-6]}awsassume"))
    assert "no ROLE was given" in said.stderr
    assert said.stdout == ("" if words else "false;\n")


def test_a_terminal_that_would_show_the_credentials_is_told_of_eval(
    person: Callable[..., Person],
) -> None:
    """Before anything is chosen in vain."""
    somebody = person()
    somebody.run("awsassume")
    somebody.waits_for('run: eval "$(awsassume)"')
    assert somebody.ends() == "2"


def test_ten_thousand_rows_can_be_narrowed(
    home: Path, person: Callable[..., Person], aws: FakeAws
) -> None:
    """The last one is as near as the first."""
    bob = aws.add_user("Bob")
    last = aws.add_role("r9999", trust=bob)
    config = "".join(
        f"[profile p{number}]\nrole_arn = {last.arn[:-5]}r{number}\nsource_profile = base\n"
        for number in range(10_000)
    )
    write(home, config, f"[base]\n{lines_of(bob)}")
    somebody = person()
    somebody.run('eval "$(awsassume)"')
    somebody.waits_for("of 10001")
    somebody.press("p9999")
    somebody.waits_for("1 of 1")
    somebody.press(ENTER)
    assert somebody.ends() == "0"
    assert somebody.is_told("$AWSASSUME_ROLE") == "p9999"
