"""Advice to paste: what a shell makes of it is the command that is meant, whatever a name holds."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import awsassume
from awsassume import spelling
from tests.aws_files import lines_of, write
from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result
    from tests.fake_aws import FakeAws
    from tests.fake_aws.model import Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"
NAMES = {
    "semicolon": "x; touch PWN",
    "substitution": "$(touch PWN)",
    "backticks": "`touch PWN`",
    "pipe": "x|touch PWN",
    "and": "a&&touch PWN&",
    "quotes": 'it\'s "so"',
    "backslashes": "a\\b\\\\' ; touch PWN",
    "spaces": "two  words ",
    "glob": "* ? [a]",
    "tilde": "~root",
    "variable": "$HOME",
    "comment": "#x",
    "redirection": "x >PWN",
    "zsh": "=ls",
    "braces": "{a,b}",
    "letters": "süd 開発",
}
ODD = {
    "a line end": "a\ntouch PWN\n",
    "history": "a!!b!touch PWN",
    "a turn": "a\u202eb; touch PWN",
    "a tab": "a\tb",
    "a quote and an escape": "a'\x1b[31m\\; touch PWN",
    "no text": "a\udcffb",
}
SHELLS = {
    "bash": ("bash", "--norc", "--noprofile"),
    "zsh": ("zsh", "-f"),
    "fish": ("fish", "--no-config"),
    "dash": ("dash",),
}


def words_of(shell: str, line: str, tmp_path: Path) -> list[bytes]:
    """Give the words that a shell starts a program with for a line that is pasted."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    for name in ("awsassume", "aws", "sh"):
        program = folder / name
        program.write_text('#!/bin/bash\nprintf "%s\\0" "${0##*/}" "$@" >"$SAID"\n')
        program.chmod(0o700)
    said = tmp_path / "said"
    said.unlink(missing_ok=True)
    environ = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin", "SAID": str(said)}
    need(shell)
    done = subprocess.run(
        [*SHELLS[shell]],
        input=os.fsencode(line + "\n"),
        check=False,
        env=environ,
        cwd=tmp_path,
        capture_output=True,
    )
    assert not (tmp_path / "PWN").exists(), done
    assert said.exists(), done
    return said.read_bytes().removesuffix(b"\0").split(b"\0")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_word_is_one_word_to_the_shell(tmp_path: Path, shell: str) -> None:
    """In bash, zsh, dash and fish; what can't be seen or is a line end in bash and zsh, which have a quoting for it."""
    names = [*NAMES.values(), *(ODD.values() if shell in {"bash", "zsh"} else ())]
    line = spelling.command(["awsassume", "-v", *names])
    assert line.isprintable()
    assert words_of(shell, line, tmp_path) == [b"awsassume", b"-v", *map(os.fsencode, names)]


def test_words_that_need_no_quotes_have_none() -> None:
    """A line is as one would type it."""
    words = ["awsassume", "--tag", "a=b", "123456789012:x/y", "arn:aws:iam::1:role/r", "a@b,c%+_.-"]
    assert spelling.command(words) == " ".join(words)
    assert spelling.trial("sh -c 'exit 1'") == "try it: sh -c 'exit 1'"
    assert spelling.trial("a; b") == "try it: 'a;' b"
    assert spelling.trial("a 'b") is None
    assert spelling.trial(None) is None


def hinted(said: str) -> list[str]:
    """Give the commands that a message shows."""
    ends = "(?:, or to be yourself again.*|, or: .*|, or see .*)?$"
    starts = "(?:run|try it|what they are|to raise it|see): "
    found = re.findall(f"{starts}(.*?){ends}", said, re.MULTILINE)
    found += re.findall(r"or: (awsassume --login .*)$", said, re.MULTILINE)
    return found


@pytest.fixture
def ways(aws: FakeAws, home: Path, bob: Keys) -> Callable[[str], dict[str, list[str]]]:
    """Return what writes profiles of a name, and gives the words that lead to advice with it, for each kind of advice."""
    aws.add_role("example-role", trust="arn:aws:iam::123456789012:user/Alice")

    def make(name: str) -> dict[str, list[str]]:
        def section(more: str) -> str:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            return f'[profile "{more}{quoted}"]\n'

        sso = "sso_start_url = https://e.awsapps.com/start\nsso_region = us-east-1\n"
        sso += "sso_account_id = 123456789012\nsso_role_name = Developer\n"
        write(
            home,
            f"[default]\nregion = us-east-1\n{section('r')}role_arn = {ROLE}\nsource_profile = default\n"
            f"{section('s')}{sso}{section('l')}login_session = arn:aws:iam::123456789012:user/Bob\n"
            f"{section('k')}{lines_of(bob)}{section('m')}role_arn = {ROLE}\nsource_profile = default\n"
            "mfa_serial = arn:aws:iam::123456789012:mfa/bob\n"
            f"{section('p')}credential_process = sh -c {spelling.command([name])}\n",
            f"[default]\n{lines_of(bob)}",
        )
        return {
            "refused": [f"r{name}"],
            "the login": [f"s{name}"],
            "the login of the CLI": ["--login", f"l{name}"],
            "own credentials": [f"k{name}", "--session-name", "abc"],
            "own credentials and a source": [f"k{name}", "--profile", "default"],
            "no renewing": [f"k{name}", "--serve", "--", "true"],
            "no role": ["--", "echo", name],
            "no role to serve for": ["--serve", "--", "echo", name],
            "words of AssumeRole": [ROLE, "--source-identity", "abc", "--profile", f"k{name}"],
        }

    return make


@pytest.mark.slow
@pytest.mark.parametrize("case", ["semicolon", "substitution", "quotes", "backslashes", "letters"])
def test_what_is_shown_runs_nothing_else(
    tmp_path: Path,
    run: Callable[..., Result],
    ways: Callable[[str], dict[str, list[str]]],
    case: str,
) -> None:
    """Every kind of advice with the name in it, pasted into a shell: one command, and the name is one of its words."""
    name = NAMES[case]
    for way, words in ways(name).items():
        said = run(*words, code=None)
        shown = [line for line in hinted(said.stderr) if "--help" not in line]
        assert shown, f"{way}: {said}"
        for line in shown:
            started = words_of("bash", line.replace(" ROLE ", " R "), tmp_path)
            assert any(name.encode() in word for word in started), (way, line)


def test_a_command_of_the_config_is_shown_as_it_is_run(
    home: Path, tmp_path: Path, run: Callable[..., Result], bob: Keys
) -> None:
    """Without a shell: what would be a second command to one is a word to the program."""
    role = f"[profile m]\nrole_arn = {ROLE}\nsource_profile = default\nmfa_process = sh -c 'exit 1'; touch PWN\n"
    config = "[profile p]\ncredential_process = sh -c 'exit 1' ; touch PWN\n"
    write(home, f"{config}{role}mfa_serial = arn:aws:iam::123456789012:mfa/bob\n", f"[default]\n{lines_of(bob)}")  # fmt: skip
    for profile in ("p", "m"):
        (line,) = hinted(run(profile, code=4).stderr)
        assert words_of("bash", line, tmp_path)[0] == b"sh"


@pytest.mark.parametrize("name", [*NAMES.values(), *ODD.values()], ids=[*NAMES, *ODD])
def test_the_refusal_on_a_terminal_can_be_pasted(name: str, tmp_path: Path) -> None:
    """Between double quotes and parentheses too, and where an interactive bash looks for history."""
    from awsassume import terminal
    from awsassume.request import Request

    said = terminal.refusal([name, "--region", "x"], Request(role=name)).hint or ""
    (line,) = hinted(said.splitlines()[0])
    started = words_of("bash", f"set -o history -o histexpand\n{line}", tmp_path)
    assert started == [b"awsassume", os.fsencode(name), b"--region", b"x"]


# What is spelled already, or is a word of our own.
SPELLED = {
    "PROGRAM",
    "rules.PROGRAM",
    "request.mode",
    "start",
    "line",
    "name",
    "found",
    "close",
    "_without_eval(line)",
    "environment.RENEW",
}


def test_every_command_that_is_shown_is_spelled_here() -> None:
    """No text puts a name behind `run:` by itself."""
    wrong = []
    for path in sorted(Path(awsassume.__file__).parent.glob("*.py")):
        for text in ast.walk(ast.parse(path.read_text())):
            if not isinstance(text, ast.JoinedStr):
                continue
            shown = False
            for part in text.values:
                if isinstance(part, ast.Constant):
                    shown = shown or bool(
                        re.search(r"\b(?<!be )(run|try it|raise it|they are): ", str(part.value))
                    )
                elif isinstance(part, ast.FormattedValue) and shown:
                    said = ast.unparse(part.value)
                    if said not in SPELLED and not said.startswith("spelling.command("):
                        wrong.append(f"{path.name}:{text.lineno}: {said}")
    assert not wrong
