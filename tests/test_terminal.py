"""A person at a terminal, in each shell: the hook, the segment, Tab, MFA, interrupts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.fake_aws.aws import FakeAws
from tests.shimming import SHELLS, Place
from tests.terminal import INTERRUPT, PLAIN, START, SUSPEND, TAB, Terminal, quick_start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

every_shell = pytest.mark.parametrize("shell", SHELLS)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Yield a place of the test's own."""
    with FakeAws() as aws:
        yield Place.make(aws, tmp_path / "bob")


def guard(place: Place) -> None:
    """Put a role behind MFA into the config, as profile guarded."""
    keys = place.aws.add_user("Carol", allow=["sts:AssumeRole"])
    serial = place.aws.add_mfa(keys).serial
    role = place.aws.add_role("guarded-role", trust=keys, mfa=True)
    known = place.aws.environ(keys)
    with (place.home / ".aws/config").open("a") as file:
        file.write(
            f"[profile guarded]\nrole_arn = {role.arn}\nsource_profile = carol\nmfa_serial = {serial}\n"
        )
    with (place.home / ".aws/credentials").open("a") as file:
        file.write(
            f"[carol]\naws_access_key_id = {known['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {known['AWS_SECRET_ACCESS_KEY']}\n"
        )


def variable(terminal: Terminal, name: str) -> str:
    """Return a variable of the shell, as it is now."""
    return terminal.dump("now").get(name, "")


@every_shell
def test_the_first_screen_of_the_readme_comes_true(shell: str, place: Place) -> None:
    """Install, become, see it in the prompt, be renewed unasked, Tab, clear: and all is as it was."""
    place.aws.lifetime = 4
    with Terminal(shell, place, before=PLAIN[shell], start=quick_start(shell)) as terminal:
        before = terminal.dump("before")
        terminal.type("awsassume example\r")
        terminal.see(r"example (1m|expired)")
        first = variable(terminal, "AWS_ACCESS_KEY_ID")
        assert first.startswith("ASIA")
        place.aws.lifetime = None
        terminal.type("python wait.py\r")
        # The fake rounds an expiration up: in the second that it was had, an hour is 61 minutes begun.
        terminal.see(r"example (5\d|6[01])m")
        assert variable(terminal, "AWS_ACCESS_KEY_ID") not in {"", first}
        assert terminal.completed("awsassume exam") == ["awsassume", "example"]
        assert terminal.run("awsassume --clear") == 0
        assert terminal.dump("after") == before
        terminal.type("\r")
        terminal.see("P> ")
        assert "60m" not in terminal.before
        assert "61m" not in terminal.before


@every_shell
def test_the_exit_codes_of_a_line_survive_the_hook(shell: str, place: Place) -> None:
    """$? and the codes of a pipeline are the user's, also when the hook has just renewed."""
    place.aws.lifetime = 1
    codes = {
        "bash": 'echo "c${PIPESTATUS[@]}c$?"',
        "zsh": 'echo "c${pipestatus[@]}c$?"',
        "fish": 'echo "c$pipestatus""c$status"',
    }[shell]
    with Terminal(shell, place) as terminal:
        terminal.run("awsassume example")
        for _ in range(2):
            calls = len(place.aws.calls("AssumeRole"))
            terminal.type("python wait.py\r")
            place.aws.wait_for("AssumeRole", calls + 1)
            terminal.type("python wait.py; sh -c 'exit 3' | sh -c 'exit 4' | sh -c 'exit 5'\r")
            terminal.type(f"{codes}\r")
            seen = terminal.see(r"c\d+ \d+ \d+c\d+|c\d+c\d+")
            assert seen.startswith("c3 4 5c")
        assert terminal.run("sh -c 'exit 7'") == 7


@every_shell
def test_what_cannot_be_renewed_is_told_once(shell: str, place: Place) -> None:
    """One line at one prompt; the prompts after it are silent, and the segment says expired."""
    guard(place)
    place.aws.lifetime = 1
    with Terminal(shell, place) as terminal:
        terminal.type("awsassume guarded --token-code 123456 --no-cache\r")
        terminal.see("run: awsassume guarded")
        terminal.see(r"\[guarded (1m|expired)\] P> ")
        terminal.type("python wait.py\r")
        terminal.see(r"\[guarded expired\] P> ")
        assert "awsassume: " not in terminal.before
        for _ in range(3):
            terminal.code()
        assert "awsassume: " not in terminal.before


@every_shell
def test_an_interrupted_renewal_is_not_tried_again(shell: str, place: Place) -> None:
    """AWS does not answer: one Ctrl-C gives the prompt back, and it stays."""
    until = int(time.time()) + 60
    soon = (
        f"set -gx AWSASSUME_EXPIRATION {until}"
        if shell == "fish"
        else f"AWSASSUME_EXPIRATION={until}"
    )
    with Terminal(shell, place) as terminal:
        assert terminal.run("awsassume example --no-cache") == 0
        place.aws.fault("hang", "AssumeRole")
        terminal.type(f"{soon}\r")
        place.aws.wait_for("AssumeRole", 2)
        terminal.type(INTERRUPT)
        terminal.see(r"\[example (1m|expired)\] P> ")
        terminal.code()
        terminal.code()
        assert len(place.aws.calls("AssumeRole")) == 2


@every_shell
def test_renewal_turned_off_stays_off(shell: str, place: Place) -> None:
    """AWSASSUME_AUTO_RENEW=0 in the start-up file: the prompt says expired, and nothing is asked."""
    place.aws.lifetime = 1
    off = "set -gx AWSASSUME_AUTO_RENEW 0" if shell == "fish" else "AWSASSUME_AUTO_RENEW=0"
    with Terminal(shell, place, before=off) as terminal:
        terminal.run("awsassume example")
        terminal.type("python wait.py\r")
        terminal.see(r"\[example expired\] P> ")
        assert len(place.aws.calls("AssumeRole")) == 1


@every_shell
def test_an_interrupt_gives_130_and_changes_nothing(shell: str, place: Place) -> None:
    """While AWS is waited for, Ctrl-C ends the wait and leaves the shell as it was."""
    with Terminal(shell, place) as terminal:
        before = terminal.dump("before")
        place.aws.fault("hang", "AssumeRole")
        terminal.type("awsassume example\r")
        place.aws.wait_for("AssumeRole", 1)
        terminal.type(INTERRUPT)
        assert terminal.code() == 130
        assert terminal.dump("after") == before


@every_shell
def test_a_code_is_asked_for_through_the_shim(shell: str, place: Place) -> None:
    """The question is seen, the code is not; a stop is no way out, and an interrupt is."""
    guard(place)
    with Terminal(shell, place) as terminal:
        before = terminal.dump("before")
        terminal.type("awsassume guarded\r")
        terminal.see("MFA code for [^:]*:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*: ")
        terminal.type(INTERRUPT)
        assert terminal.code() == 130
        assert terminal.dump("after") == before
        terminal.type("awsassume guarded\r")
        terminal.see("MFA code for [^:]*:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*: ")
        terminal.type(SUSPEND)
        terminal.type("123456\r")
        terminal.see(r"\[guarded \d+m\] P> ")
        assert "123456" not in terminal.before
        assert variable(terminal, "AWSASSUME_ROLE") == "guarded"


@every_shell
def test_a_command_has_the_terminal(shell: str, place: Place) -> None:
    """`-- COMMAND` reads keys, is on a terminal in all three streams, can be stopped, and interrupted."""
    with Terminal(shell, place) as terminal:
        terminal.run("awsassume example --credential-process")
        terminal.type(
            "awsassume example -- python -c 'import os; print([os.isatty(n) for n in (0, 1, 2)])'\r"
        )
        terminal.see(r"\[True, True, True\]")
        terminal.type("awsassume example -- sh -c 'read line; echo \"got:$line\"; exit 9'\r")
        terminal.type("hello\r")
        terminal.see("got:hello")
        assert terminal.code() == 9
        terminal.type("awsassume example -- sh -c 'echo ready; sleep 60'\r")
        terminal.see("ready\r")
        terminal.type(INTERRUPT)
        assert terminal.code() == 130
        terminal.type("awsassume example -- sh -c 'echo set; sleep 1; echo over'\r")
        terminal.see("set\r")
        terminal.type(SUSPEND)
        terminal.code()
        terminal.type("fg\r")
        terminal.see("over\r")


@every_shell
def test_other_modes_have_the_terminal_too(shell: str, place: Place) -> None:
    """What is printed for a person goes to the terminal, and secrets do not."""
    with Terminal(shell, place) as terminal:
        assert terminal.run("awsassume --version", see=r"awsassume \d") == 0
        assert terminal.run("awsassume --help", see="Usage:") == 0
        code = terminal.run("awsassume example --format env", see="terminal")
        assert code == 2
        assert "AWS_SECRET" not in terminal.before


@every_shell
def test_tab_completes(shell: str, place: Place) -> None:
    """Profiles with a blank and with quotes typed, options, values, live ARNs, and commands behind --."""
    arn = place.aws.arn("iam", place.aws.account, "role/example-role")
    with Terminal(shell, place) as terminal:
        assert terminal.run("awsassume example") == 0
        tab = terminal.completed
        assert tab("awsassume exam") == ["awsassume", "example"]
        assert tab("awsassume two") == ["awsassume", "two words"]
        assert tab("awsassume 'two") == ["awsassume", "two words"]
        assert tab("awsassume two\\ w") == ["awsassume", "two words"]
        assert tab("awsassume --clea") == ["awsassume", "--clear"]
        assert tab("awsassume --format fi") == ["awsassume", "--format", "fish"]
        assert tab("awsassume --format=fi") == ["awsassume", "--format=fish"]
        assert tab("awsassume --profile defa") == ["awsassume", "--profile", "default"]
        assert tab(f"awsassume {arn[:20]}") == ["awsassume", arn]
        assert tab(f"awsassume {arn[:-3]}") == ["awsassume", arn]
        assert tab("awsassume example -- pyth dump.p") == [
            "awsassume",
            "example",
            "--",
            "pyth",
            "dump.py",
        ]
        assert tab("awsassume --policy dump.p") == ["awsassume", "--policy", "dump.py"]
        assert tab("awsassume zzz") == ["awsassume", "zzz"]


@every_shell
def test_tab_lists_what_there_is(shell: str, place: Place) -> None:
    """Where several fit, they are shown, with what they do where the shell shows that."""
    with Terminal(shell, place) as terminal:
        terminal.type(f"awsassume --format p{TAB}{TAB}")
        terminal.see_all("owershell", "rocess")
        terminal.type(INTERRUPT)
        terminal.type(f"awsassume --re{TAB}{TAB}")
        if shell != "bash":
            terminal.see("Region")
        terminal.type(INTERRUPT)


def test_bash_completes_commands_with_its_completion_package(place: Place) -> None:
    """Behind -- the command's own completion is asked, where the package is loaded."""
    import os

    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        if os.environ.get("CI"):
            pytest.fail("bash-completion is not installed")
        pytest.skip("bash-completion is not installed")
    load = "source /usr/share/bash-completion/bash_completion"
    (place.home / "folder").mkdir()
    (place.home / "folder.txt").touch()
    with Terminal("bash", place, before=load) as terminal:
        assert terminal.completed("awsassume example -- rmdir fol")[-1] == "folder/"
        assert terminal.completed("awsassume exam") == ["awsassume", "example"]


def test_zsh_completes_when_compinit_comes_later(place: Place) -> None:
    """Many a .zshrc has it at its end: the hook makes up for it."""
    late = f"{START['zsh'].partition(chr(10))[2]}\nautoload -Uz compinit && compinit -u"
    with Terminal("zsh", place, start=late) as terminal:
        assert terminal.completed("awsassume exam") == ["awsassume", "example"]


def test_zsh_keeps_the_users_trap(place: Place) -> None:
    """A TRAPINT of the user's is theirs again when the shim is done."""
    trap = "TRAPINT() { print trapped; return 130 }"
    with Terminal("zsh", place, after=trap) as terminal:
        assert terminal.run("awsassume example") == 0
        terminal.type("sleep 60\r")
        time.sleep(0)
        terminal.type(INTERRUPT)
        terminal.see("trapped")


@every_shell
def test_prompt_command_of_others_goes_on(shell: str, place: Place) -> None:
    """Hooks set before and after ours still run, and find the exit code."""
    others = {
        "bash": "PROMPT_COMMAND='echo \"theirs:$?\"'",
        "zsh": "precmd() { echo theirs:$? }",
        "fish": "function theirs --on-event fish_prompt; echo theirs:$status; end",
    }[shell]
    with Terminal(shell, place, before=others) as terminal:
        terminal.type("sh -c 'exit 6'\r")
        terminal.see("theirs:6")
        terminal.run("awsassume example")
        terminal.type("sh -c 'exit 8'\r")
        terminal.see("theirs:8")
