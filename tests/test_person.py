"""What a person reads: no control and no format character of a file's, a server's or a program's, on any way to a terminal."""

from __future__ import annotations

import ast
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

import awsassume
from awsassume import person
from tests.aws_files import lines_of, write
from tests.conftest import need
from tests.fake_aws import http
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"
# A title for the terminal, a colour, a cursor in one character of C1, a turn of the direction, and a space that is none.
EVIL = "a\x1b]0;owned\x07\x1b[31mb\x9b2J\u202egnp.exe\u2066\u200bz"
SEEN = "a?]0;owned??[31mb?2J?gnp.exe??z"
BAD = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
FORMAT = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
BAD += [*FORMAT, "\u2028", "\u2029", "\udc80"]


def is_clean(text: str) -> bool:
    """Tell whether a text moves no cursor, but for the ends of lines."""
    return all(line.isprintable() for line in text.replace("\r\n", "\n").split("\n"))


@given(st.text() | st.text(st.sampled_from(BAD)))
def test_a_text_is_one_line_of_what_can_be_seen(text: str) -> None:
    """As long as it was, and what can be seen is as it was."""
    shown = person.plain(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    assert all(now in (before, "?") for now, before in zip(shown, text, strict=True))
    assert person.lines(text).count("\n") == text.count("\n")


def test_each_bad_character_is_seen_as_one() -> None:
    """All of Unicode's format characters, both sets of control characters, and bytes that are no text."""
    assert person.plain("".join(BAD)) == "?" * len(BAD)
    assert person.plain("süd 開発 🙂") == "süd 開発 🙂"


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    "words",
    [[EVIL], [f"{EVIL}\nawsassume: done"], ["--profile", EVIL, ROLE], ["example", "--external-id", EVIL],
     ["example", f"--{EVIL}"], ["--login", EVIL], ["--whoami", EVIL], ["--purge", EVIL], [EVIL, "--print-profile"],
     ["example", "--policy", f"/{EVIL}"], ["example", "--region", EVIL], ["example", "--", f"/{EVIL}"]],
)  # fmt: skip
def test_words_of_the_command_line_are_told_as_they_can_be_seen(
    run: Callable[..., Result], words: list[str]
) -> None:
    """In errors; and what is said of them begins no line of its own that seems to be ours."""
    said = run(*words, code=None)
    assert said.code != 1
    assert is_clean(said.stdout)
    assert is_clean(said.stderr)
    assert "\nawsassume: done" not in said.stderr


def test_aws_and_other_programs_are_quoted_as_they_can_be_seen(
    aws: FakeAws, home: Path, bob: Keys, run: Callable[..., Result]
) -> None:
    """A refusal's message, and what a credential_process says."""
    # XML has no room for others.
    words = "no\x85\x9b2J \u202egnp.exe\u2028awsassume: done"
    aws.fault("error", "AssumeRole", code="AccessDenied", message=words, status=403)
    said = run("example", code=5)
    assert "gnp.exe" in said.stderr
    assert is_clean(said.stderr)
    script = home / "say"
    script.write_bytes(f"#!/bin/sh\nprintf '%s\\n' '{EVIL}' >&2; exit 1\n".encode())
    script.chmod(0o700)
    write(home, f"[profile p]\ncredential_process = {script}\n", f"[default]\n{lines_of(bob)}")
    said = run("p", code=4)
    assert "gnp.exe" in said.stderr
    assert is_clean(said.stderr)


@pytest.fixture
def sign_on(aws: FakeAws, home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Write a sign-on and a profile of it with such names, whose server gives such a code."""
    aws.sso.interval = 0
    aws.sso.add_role("Developer")
    (home / ".aws/config").write_text(
        f"[sso-session s{EVIL}]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
        f"sso_registration_scopes = sso:account:access\n[profile p{EVIL}]\nsso_session = s{EVIL}\n"
        "sso_account_id = 123456789012\nsso_role_name = Developer\n"
    )
    answer = http.json_answer

    def with_code(said: dict[str, object]) -> object:
        return answer(said | {"userCode": f"{EVIL}\nlogged in"} if "userCode" in said else said)

    monkeypatch.setattr("tests.fake_aws.oidc.json_answer", with_code)
    for name, value in aws.environ().items():
        monkeypatch.setenv(name, value)
    environ = {**os.environ, "TERM": "dumb"}
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        environ.pop(name, None)
    return environ


def at_terminal(program: str, words: list[str], environ: dict[str, str], *typed: str) -> str:
    """Run the program on a terminal, answer what it asks, and give all that is seen there."""
    seen = ""
    with pexpect.spawn(program, words, env=environ, encoding="utf-8", timeout=BOUND) as terminal:
        for line in typed:
            terminal.expect("(: |] )$")
            seen += f"{terminal.before}{terminal.after}"
            terminal.sendline(line)
        terminal.expect(pexpect.EOF)
        return seen + (terminal.before or "")


def test_the_login_is_asked_for_and_shown_as_it_can_be_seen(
    program: str, sign_on: dict[str, str]
) -> None:
    """The question, the line with link and code, what is waited for, and the end."""
    words = [f"p{EVIL}", "--", "sh", "-c", "printf %s $AWSASSUME_ROLE | od -An -c"]
    seen = at_terminal(program, words, sign_on, "y")
    assert f'The SSO login of profile "p{SEEN}" has expired' in seen
    assert f"if it shows this code: {SEEN}?logged in" in seen
    assert is_clean(seen)
    assert "033" not in seen
    assert "342 200 256" not in seen


@pytest.mark.parametrize("opens", [[], ["--no-open"]], ids=["terminal", "no-open"])
def test_a_login_without_a_browser_shows_what_can_be_seen(
    aws: FakeAws, program: str, sign_on: dict[str, str], opens: list[str]
) -> None:
    """With --no-open on standard output, else on standard error; the one who waits is told for what."""
    aws.fault("delay", "CreateToken", seconds=2)
    seen = at_terminal(program, ["--login", f"p{EVIL}", *opens], sign_on)
    assert f"if it shows this code: {SEEN}?logged in" in seen
    assert f'waiting for the login to sso-session "s{SEEN}" in the browser' in seen
    assert f'logged in to sso-session "s{SEEN}" until' in seen
    assert is_clean(seen)


def test_a_spinner_with_colours_shows_what_can_be_seen(
    aws: FakeAws, program: str, sign_on: dict[str, str]
) -> None:
    """Its own escape codes are rich's."""
    aws.fault("delay", "CreateToken", seconds=2)
    seen = at_terminal(program, ["--login", f"p{EVIL}"], {**sign_on, "TERM": "xterm"})
    assert f'waiting for the login to sso-session "s{SEEN}"' in seen.replace("\r\n", "")
    for bad in ("\x1b]", "\x07", "\x9b", "\u202e", "\u200b"):
        assert bad not in seen


def test_the_question_for_a_code_shows_what_can_be_seen(
    aws: FakeAws, home: Path, bob: Keys, program: str
) -> None:
    """And what AWS said of the code before."""
    serial = aws.add_mfa(bob).serial
    write(
        home,
        f"[profile m]\nrole_arn = {ROLE}\nsource_profile = default\nmfa_serial = {serial}\n",
        f"[default]\n{lines_of(bob)}",
    )
    words = "MultiFactorAuthentication failed with invalid MFA one time pass code. \u202egnp.exe"
    aws.fault("error", "GetSessionToken", code="AccessDenied", message=words, status=403)
    environ = {**os.environ, "TERM": "dumb"}
    seen = at_terminal(program, ["m", "--", "true"], environ, "123456", "")
    assert "gnp.exe" in seen
    assert is_clean(seen)


PROMPT = "a\x01b\x1b[31mc\x7fd{c1}e{format}f\u2028g\u2029h süd 開発 🙂"
SOURCE = {"bash": "\\builtin source {}", "zsh": "\\builtin source {}", "fish": "builtin source {}"}
COMMANDS = {
    "bash": ("bash", "--norc", "--noprofile", "-c"),
    "zsh": ("zsh", "-f", "-c"),
    "fish": ("fish", "--no-config", "-c"),
}


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("shell", COMMANDS)
def test_the_prompt_has_no_control_and_no_format_character(
    program: str, tmp_path: Path, run: Callable[..., Result], shell: str, locale: str
) -> None:
    """Whatever AWSASSUME_ROLE holds: in bash, zsh and fish; the locale of what comes behind it is as it was."""
    role = PROMPT.format(c1="".join(map(chr, range(0x80, 0xA0))), format="x".join(FORMAT))
    (tmp_path / "shim").write_text(run("--init", shell, argv=(program,)).stdout)
    environ = {
        "LC_ALL": locale,
        "AWSASSUME_ROLE": role,
        "AWS_ACCESS_KEY_ID": "ASIA",
        "AWSASSUME_SAVED": "ASIA:0:",
    }
    length = "string length é" if shell == "fish" else 'e=é; echo "${#e}"'
    script = f"{SOURCE[shell].format(tmp_path / 'shim')}; awsassume_prompt; echo; {length}"
    said = run(script, argv=(need(shell), *COMMANDS[shell][1:]), environ=environ).stdout
    shown, _, measured = said.removesuffix("\n").rpartition("\n")
    if locale != "C":
        assert is_clean(shown)
        # zsh shows ^[ for an escape.
        expected = {"zsh": "a^Ab^[[31mc^?d"}.get(shell, "ab[31mcd")
        assert shown == f"{expected}e{'x' * (len(FORMAT) - 1)}fgh süd 開発 🙂"
        assert measured == "1"
    assert not any(char in shown for char in "\x01\x1b\x7f\u202e\u2066\x9b\u200b")


def test_a_role_s_name_is_given_to_prompts_as_it_can_be_seen(
    home: Path, bob: Keys, run: Callable[..., Result]
) -> None:
    """Starship and its like show AWSASSUME_ROLE as it is."""
    text = f"[profile p{EVIL}]\nrole_arn = {ROLE}\nsource_profile = default\n"
    write(home, text, f"[default]\n{lines_of(bob)}")
    said = run(f"p{EVIL}", "--", "sh", "-c", "printf %s $AWSASSUME_ROLE").stdout
    assert said == f"p{SEEN}".replace("?", "")


# Who writes what is no text for a person: code for a shell and data for a program, files, and one's own pipes.
WRITERS = {"person", "program", "folders", "private", "renewal", "serve", "stand_in"}


def test_nothing_else_writes_to_a_person() -> None:
    """No module writes to a descriptor, a terminal or a stream by itself; who shows something does it through `person`."""
    found = set()
    for path in sorted(Path(awsassume.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text())
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func)
            streams = name.startswith(("sys.stderr.", "sys.stdout.")) and "flush" not in name
            if streams or name in {"os.write", "print", "tty.write", "terminal.write"}:
                found.add(path.stem)
    assert found <= WRITERS
