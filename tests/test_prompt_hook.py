"""The prompt: the hook that renews, the segment that shows, and what they leave alone."""

from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need
from tests.fake_aws.aws import FakeAws
from tests.shimming import COMMANDS, SHELLS, STRICT, Place, dump

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

every_shell = pytest.mark.parametrize("shell", SHELLS)
hard_and_easy = pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
HOOK = "__awsassume_hook"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Yield a place of the test's own: the sessions are to end."""
    with FakeAws() as aws:
        yield Place.make(aws, tmp_path / "bob")


def assign(shell: str, name: str, value: object) -> str:
    """Return the line that sets a variable."""
    return f"set -gx {name} '{value}'" if shell == "fish" else f"\\builtin export {name}='{value}'"


def stale(shell: str, left: int) -> str:
    """Return the line that makes the session have so many seconds left, from when the shell reads it."""
    if shell == "fish":
        return f"builtin set -gx AWSASSUME_EXPIRATION (builtin math (command date +%s) + {left})"
    return f'\\builtin export AWSASSUME_EXPIRATION="$(($(\\command date +%s) + {left}))"'


@every_shell
@hard_and_easy
def test_a_fresh_session_costs_no_process(shell: str, strict: bool, place: Place) -> None:
    """The hook and the segment compare two numbers: strace sees no fork between two marks."""
    need("strace")
    mark = "builtin echo -n >{}" if shell == "fish" else ": >{}"
    log = place.home / "strace"
    script = [
        STRICT[shell] if strict else "",
        place.sourcing(shell),
        "awsassume example",
        HOOK,
        mark.format("started"),
        HOOK,
        "awsassume_prompt",
        HOOK,
        mark.format("ended"),
    ]
    done = subprocess.run(
        (
            *("strace", "-f", "-o", str(log), "-e", "trace=process,openat"),
            *(*COMMANDS[shell], "-c", "\n".join(script)),
        ),
        env=place.environ,
        cwd=place.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
    )
    assert re.fullmatch(r"example \d+m", done.stdout)
    lines = log.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if 'started"' in line)
    last = next(n for n, line in enumerate(lines) if 'ended"' in line)
    # A thread, which fish may start, is no process.
    spent = [
        line
        for line in lines[first:last]
        if re.search(r"\b(v?fork|execve|posix_spawn|clone3?)\(", line)
        and "CLONE_THREAD" not in line
    ]
    assert spent == []


@every_shell
@hard_and_easy
def test_a_stale_session_is_renewed_with_its_options(
    shell: str, strict: bool, place: Place
) -> None:
    """The next prompt has new keys of the same role, taken with the same options; nothing is said."""
    place.aws.lifetime = 2
    script = [
        "awsassume example --session-name carol",
        dump("first"),
        "python wait.py",
        HOOK,
        dump("second"),
    ]
    done = place.run(shell, "\n".join(script), strict=strict)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second = place.dumped("first"), place.dumped("second")
    assert first["AWS_ACCESS_KEY_ID"] != second["AWS_ACCESS_KEY_ID"]
    assert int(second["AWSASSUME_EXPIRATION"]) > int(first["AWSASSUME_EXPIRATION"])
    assert second["AWSASSUME_ROLE"] == "example"
    names = [call["RoleSessionName"] for call in place.aws.calls("AssumeRole")]
    assert names == ["carol", "carol"]


@every_shell
@hard_and_easy
def test_a_session_about_to_end_is_renewed_before_it_does(
    shell: str, strict: bool, place: Place
) -> None:
    """With a minute left, a command would outlive it: it is renewed then."""
    script = ["awsassume example --no-cache", stale(shell, 60), HOOK, HOOK, dump("during")]
    done = place.run(shell, "\n".join(script), strict=strict)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(place.aws.calls("AssumeRole")) == 2
    assert int(place.dumped("during")["AWSASSUME_EXPIRATION"]) > time.time() + 600


@every_shell
@hard_and_easy
def test_a_failure_is_told_once_in_one_line(shell: str, strict: bool, place: Place) -> None:
    """What to type is said once; later prompts start no program, also when the session has ended."""
    place.run(shell, f"awsassume example --no-cache\n{dump('session')}")
    ours = ("AWS_", "AWSASSUME_")
    held = {k: v for k, v in place.dumped("session").items() if k.startswith(ours)}
    held["AWSASSUME_EXPIRATION"] = str(int(time.time()) + 1)
    place.aws.log.clear()
    place.aws.fault("error", "AssumeRole", code="AccessDenied", status=403)
    script = [HOOK, HOOK, "python wait.py", HOOK, HOOK, dump("during")]
    done = place.run(shell, "\n".join(script), strict=strict, environ=held)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("awsassume: ")
    assert len(place.aws.calls("AssumeRole")) == 1
    assert place.dumped("during")["AWS_ACCESS_KEY_ID"] == held["AWS_ACCESS_KEY_ID"]


@every_shell
def test_a_code_is_never_asked_for_at_a_prompt(shell: str, place: Place) -> None:
    """A role behind MFA: the line says what to type, and no question is put."""
    bob = place.aws.add_user("Carol", allow=["sts:AssumeRole"])
    device = place.aws.add_mfa(bob).serial
    role = place.aws.add_role("mfa-role", trust=bob, mfa=True)
    keys = place.aws.environ(bob)
    (place.home / ".aws/config").write_text(
        f"[profile guarded]\nrole_arn = {role.arn}\nsource_profile = carol\nmfa_serial = {device}\n"
    )
    (place.home / ".aws/credentials").write_text(
        f"[carol]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
    )
    script = [
        "awsassume guarded --no-cache --token-code 123456",
        stale(shell, -5),
        *(HOOK, HOOK, HOOK),
    ]
    done = place.run(shell, "\n".join(script))
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "run: awsassume guarded" in done.stderr


@pytest.mark.parametrize("code", [0, 1, 130])
def test_bash_hands_the_exit_code_on(code: int, place: Place) -> None:
    """Fresh, stale or without a session: what stands behind ours in PROMPT_COMMAND finds $? as it was."""
    place.aws.lifetime = 1
    tell = f"sh -c 'exit {code}'\n{HOOK}\necho $?"
    done = place.run("bash", f"{tell}\nawsassume example\n{tell}\npython wait.py\n{tell}")
    assert done.stdout.split() == [str(code)] * 3


@every_shell
def test_renewal_can_be_turned_off(shell: str, place: Place) -> None:
    """With AWSASSUME_AUTO_RENEW=0 nothing is renewed; the segment still tells."""
    script = ["awsassume example --no-cache", stale(shell, -5), HOOK, "awsassume_prompt"]
    done = place.run(shell, "\n".join(script), environ={"AWSASSUME_AUTO_RENEW": "0"})
    assert (done.stdout, done.stderr) == ("example expired", "")
    assert len(place.aws.calls("AssumeRole")) == 1


@every_shell
def test_another_key_is_neither_renewed_over_nor_shown_as_the_role(
    shell: str, place: Place
) -> None:
    """Whoever exports keys of their own is not given the role's again."""
    script = [
        "awsassume example --no-cache",
        stale(shell, -5),
        assign(shell, "AWS_ACCESS_KEY_ID", "AKIAOWN"),
        *(HOOK, "awsassume_prompt", dump("during")),
    ]
    done = place.run(shell, "\n".join(script))
    assert (done.stdout, done.stderr) == ("", "")
    assert place.dumped("during")["AWS_ACCESS_KEY_ID"] == "AKIAOWN"


HOSTILE = [
    "",
    "soon",
    "1e9",
    "-5",
    "0x10",
    "9" * 40,
    "$(touch pwned)",
    "a[$(touch pwned)]",
    "`touch pwned`",
    "1; touch pwned",
]


@every_shell
@hard_and_easy
def test_what_is_in_the_variables_is_never_run(shell: str, strict: bool, place: Place) -> None:
    """An expiration or a label with code in it is text; what is no number is passed over."""
    script = ["awsassume example"]
    for text in HOSTILE:
        script += [assign(shell, "AWSASSUME_EXPIRATION", text), HOOK, "awsassume_prompt"]
    script += [stale(shell, 600)]
    for text in HOSTILE:
        script += [assign(shell, "AWSASSUME_ROLE", text), HOOK, "awsassume_prompt"]
    done = place.run(shell, "\n".join(script), strict=strict)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (place.home / "pwned").exists()
    assert "a[$(touch pwned)] 10m" in done.stdout


@every_shell
def test_the_segment_is_the_role_and_the_minutes_left(shell: str, place: Place) -> None:
    """To the nearest, and never 0m; without control characters; nothing without a session."""
    echo = "echo '|'"
    script = [
        *("awsassume_prompt", echo, "awsassume example"),
        *(stale(shell, 2400), "awsassume_prompt", echo),
        *(stale(shell, 30), "awsassume_prompt", echo),
        *(stale(shell, -2), "awsassume_prompt", echo),
        *(assign(shell, "AWSASSUME_ROLE", "a\x1b[31mb"), "awsassume_prompt", echo),
        *("awsassume --clear", "awsassume_prompt", echo),
    ]
    done = place.run(shell, "\n".join(script))
    assert done.stderr == ""
    lines = [text.strip() for text in done.stdout.split("|")]
    assert lines[:4] == ["", "example 40m", "example 1m", "example expired"]
    assert "\x1b" not in lines[4]
    assert lines[5:] == ["", ""]


@pytest.mark.parametrize(
    "setting",
    [
        "unset PROMPT_COMMAND",
        "PROMPT_COMMAND='echo one'",
        "PROMPT_COMMAND='echo one;'",
        "PROMPT_COMMAND='echo one # two'",
        "PROMPT_COMMAND=('echo one' 'echo two')",
        "PROMPT_COMMAND=()",
    ],
)
def test_prompt_command_is_kept_whatever_it_is(setting: str, place: Place) -> None:
    """A string or an array, ours comes behind what there was."""
    show = 'for line in "${PROMPT_COMMAND[@]}"; do eval "$line"; done'
    script = f"{setting}\n{place.sourcing('bash')}\n{place.sourcing('bash')}\n{show}\ndeclare -p PROMPT_COMMAND"
    done = place.run("bash", script, shim=False, interactive=True)
    assert done.stdout.count("__awsassume_hook") == 1
    for word in ("one", "two"):
        assert done.stdout.startswith(word) or f"echo {word}" not in setting or word in done.stdout
    assert ("declare -a" in done.stdout) == ("(" in setting)


def test_zsh_keeps_percent_and_bang_as_they_stand_in_prompts(place: Place) -> None:
    """A prompt expands the segment once more: % is doubled, and ! where prompts treat it so."""
    script = (
        "awsassume example\nexport AWSASSUME_ROLE='a%b!c%n'\nsetopt prompt_subst\n"
        f"{HOOK}\nprint -P -- '$awsassume_prompt'\nsetopt prompt_bang\n{HOOK}\nprint -P -- '$awsassume_prompt'"
    )
    done = place.run("zsh", script)
    assert [line.rpartition(" ")[0] for line in done.stdout.splitlines()] == ["a%b!c%n"] * 2
    assert done.stderr == ""


def test_bash_shows_the_segment_as_text(place: Place) -> None:
    """PS1 takes the variable, and runs nothing that it holds."""
    script = (
        "awsassume example\nexport AWSASSUME_ROLE='a\\u$(touch pwned)'\n"
        f"{HOOK}\nPS1='$awsassume_prompt'; printf '%s\\n' \"${{PS1@P}}\""
    )
    done = place.run("bash", script)
    assert done.stdout.startswith("a\\u$(touch pwned) ")
    assert not (place.home / "pwned").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_segment_can_be_exported_to_prompts_that_are_programs(shell: str, place: Place) -> None:
    """Starship reads the environment: once exported, the variable stays so."""
    script = f"export awsassume_prompt\nawsassume example\n{HOOK}\n{dump('seen')}"
    done = place.run(shell, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert place.dumped("seen")["awsassume_prompt"].startswith("example ")
