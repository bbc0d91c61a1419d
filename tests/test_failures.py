"""What a failure looks like: to the shell that evaluates us, to an SDK, to a person, and to a script."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsassume import shells
from tests.aws_files import lines_of, on_path, write
from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws, Keys

ROLE = "arn:aws:iam::123456789012:role/example-role"
NOWHERE = "http://127.0.0.1:9"


# What stdout holds.


@pytest.mark.parametrize("format_", shells.FORMATS)
@pytest.mark.parametrize(
    "words, code",
    [("nope", 3), ("example --profile nope", 3), ("example --nope", 2), ("example --duration 5", 2), ("--renew", 2),
     ("--clear --profile x", 2)],
)  # fmt: skip
@pytest.mark.usefixtures("bob")
def test_a_shell_reads_a_statement_that_fails_and_nothing_else(
    run: Callable[..., Result], format_: str, words: str, code: int
) -> None:
    """In every format, whether or not the words could be read; the reason is on stderr."""
    failed = run(*words.split(), "--format", format_, code=code)
    assert failed.stdout == shells.failure(format_)
    assert failed.stderr.startswith("awsassume: ")


@pytest.mark.parametrize(
    "words",
    [
        "nope --credential-process",
        "nope --format process",
        "example --credential-process --nope",
        "example --nope --format=process",
        "example -fprocess --nope",
        "example -f process --nope",
        "--credential-process",
        "nope -- true",
        "example --nope -- true",
    ],
)
@pytest.mark.usefixtures("bob")
def test_an_sdk_and_a_command_read_nothing(run: Callable[..., Result], words: str) -> None:
    """Where no shell evaluates what is printed, nothing is."""
    failed = run(*words.split(), code=None)
    assert failed.code in {2, 3}
    assert failed.stdout == ""
    assert failed.stderr.startswith("awsassume: ")


@pytest.mark.parametrize("role", ["my-process", "process", "credential-process"])
def test_a_role_s_name_is_no_format(run: Callable[..., Result], role: str) -> None:
    """A usage error fails the shell whatever the ROLE is called."""
    assert run(role, "--nope", code=2).stdout == "false;\n"


SHELLS = {
    "bash": ["bash", "--noprofile", "--norc"],
    "zsh": ["zsh", "-f"],
    "fish": ["fish", "--no-config"],
    "dash": ["dash"],
    "ksh": ["ksh"],
    "mksh": ["mksh"],
}
WRONG = ["nope", "example --nope", "example --profile nope", "nope --refresh", '""']


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.usefixtures("bob")
def test_a_failure_stops_the_line_and_leaves_the_environment_as_it_was(
    program: str, tmp_path: Path, shell: str
) -> None:
    """`eval "$(awsassume nope)" && echo WENT ON` does not go on; with another role held, that stays."""
    need(SHELLS[shell][0])
    script = ["env | sort > 0"]
    for words in WRONG:
        script += [
            f'eval "$(awsassume {words})" && echo WENT ON',
            "env | sort > 1; cmp 0 1 || exit 20",
        ]
    script += ['eval "$(awsassume example)" || exit 21', "env | sort > 0"]
    for words in WRONG:
        script += [
            f'eval "$(awsassume {words})" && echo WENT ON',
            "env | sort > 1; cmp 0 1 || exit 22",
        ]
    done = subprocess.run(
        [*SHELLS[shell], "-c", "\n".join([*script, "exit 0"])],
        check=False,
        capture_output=True,
        text=True,
        env=on_path(program, os.environ),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done
    assert done.stdout == ""
    assert done.stderr.count("awsassume: ") == 2 * len(WRONG)


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "ksh", "mksh"])
@pytest.mark.usefixtures("bob")
def test_set_e_aborts(program: str, tmp_path: Path, shell: str) -> None:
    """A script that said so ends where the role could not be had."""
    need(shell)
    done = subprocess.run(
        [*SHELLS[shell], "-ec", 'eval "$(awsassume nope)"\necho WENT ON'],
        check=False,
        capture_output=True,
        text=True,
        env=on_path(program, os.environ),
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert done.stdout == ""


# Exit codes and messages.


def test_messages_name_what_was_meant_and_what_to_do(
    aws: FakeAws, bob: Keys, run: Callable[..., Result]
) -> None:
    """The user's own words, the closest names, the next command; each once."""
    config = os.environ["AWS_CONFIG_FILE"]
    said = {
        "exampel": f'awsassume: "exampel" is neither a profile of {config} nor a role of account'
        f" {bob.account}\n  did you mean: example, example-role\n",
        "zzzz": f'awsassume: "zzzz" is neither a profile of {config} nor a role of account'
        f" {bob.account}\n  see what there is: awsassume --list\n",
        "example --profile defualt": f'awsassume: --profile "defualt" is not in {config}\n'
        "  did you mean: default\n",
        "arn:aws:iam::1:role/x": "awsassume: arn:aws:iam::1:role/x is not a role ARN\n"
        "  a role ARN is arn:aws:iam::123456789012:role/NAME\n",
    }
    for words, message in said.items():
        assert run(*words.split(), code=None).stderr == message
    assert aws.calls("AssumeRole") == []


def test_a_mistyped_profile_is_found_out_even_where_no_role_can_be_looked_up(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result]
) -> None:
    """Without credentials, and without ListRoles, a name that is nearly a profile's is said to be."""
    aws.fault(
        "error", "ListRoles", code="AccessDenied", message="User is not authorized", status=403
    )
    failed = run("exampel", code=5)
    assert '"exampel" is no profile, and ListRoles is denied' in failed.stderr
    assert failed.stderr.endswith("\n  did you mean: example\n")
    assert aws.calls("AssumeRole", caller_arn=bob.arn)[0]["RoleArn"].endswith(":role/exampel")
    write(home, "[profile dev]\nregion = us-east-1\n")
    failed = run("dve", code=4)
    assert '"dve" is no profile, and can\'t be looked up as a role' in failed.stderr
    assert failed.stderr.endswith("\n  did you mean: dev\n")


@pytest.mark.parametrize(
    "words, environ, code, message",
    [
        ("example", {}, 0, ""),
        ("example --session-name x", {}, 2, "--session-name: 'x' is not 2 to 64"),
        ("example", {"AWSASSUME_SESSION_NAME": "a b"}, 3, "AWSASSUME_SESSION_NAME: 'a b' is not"),
        ("other", {"AWS_PROFILE": "typo"}, 3, 'AWS_PROFILE "typo" is not in'),
        ("example", {"AWS_CONFIG_FILE": "/x"}, 3, "AWS_CONFIG_FILE names /x, which is not there"),
        (ROLE, {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/x"}, 4, "no source"),
        ("example --no-cache", {"AWS_ENDPOINT_URL": NOWHERE}, 5, f"{NOWHERE} can't be reached"),
        ("no-trust", {}, 5, "AWS refused AssumeRole"),
        ("stale", {}, 4, "AWS does not know the access key AKIASTALE"),
        ("wrong", {}, 4, "the secret of the access key"),
        ("half", {}, 4, 'profile "half-keys" has only part of its credentials'),
        ("loop", {}, 3, "source_profile goes in a loop: loop → loop-b → loop"),
        ("dangling", {}, 3, "source_profile is missing: dangling → nobody"),
    ],
)  # fmt: skip
def test_exit_codes(
    aws: FakeAws, bob: Keys, home: Path, run: Callable[..., Result],
    words: str, environ: dict[str, str], code: int, message: str,
) -> None:  # fmt: skip
    """Each kind of end has its own."""
    aws.add_role("no-trust", trust="arn:aws:iam::123456789012:user/Alice")
    role = "arn:aws:iam::123456789012:role/example-role"
    with (home / ".aws/config").open("a") as config:
        config.write(
            f"[profile stale]\nrole_arn = {role}\nsource_profile = stale-keys\n"
            "[profile stale-keys]\naws_access_key_id = AKIASTALE0000000000\naws_secret_access_key = x\n"
            f"[profile wrong]\nrole_arn = {role}\nsource_profile = wrong-keys\n"
            f"[profile wrong-keys]\naws_access_key_id = {bob.access_key_id}\naws_secret_access_key = x\n"
            f"[profile half]\nrole_arn = {role}\nsource_profile = half-keys\n"
            "[profile half-keys]\naws_access_key_id = AKIAHALF0000000000\n"
            f"[profile loop]\nrole_arn = {role}\nsource_profile = loop-b\n"
            f"[profile loop-b]\nrole_arn = {role}\nsource_profile = loop\n"
            f"[profile dangling]\nrole_arn = {role}\nsource_profile = nobody\n"
        )
    done = run(*words.split(), environ=environ, code=code)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("awsassume: ") == (code != 0)


@pytest.mark.usefixtures("bob")
def test_the_exit_code_of_a_command_is_its_own(run: Callable[..., Result]) -> None:
    """Also those that we have a meaning for."""
    for code in (0, 1, 2, 5, 126, 130, 255):
        run("example", "--", "sh", "-c", f"exit {code}", code=code)
    assert "nosuch can't be run: No such file" in run("example", "--", "nosuch", code=127).stderr
    assert "COMMAND is empty" in run("example", "--", "", code=2).stderr
    assert "/ can't be run: Permission denied" in run("example", "--", "/", code=126).stderr


# Interrupts and streams.


def _start(program: str, *words: str, **streams: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [program, *words],
        stdin=subprocess.DEVNULL,
        stdout=streams.get("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    "words, stdout",
    [("example", "false;\n"), ("example --credential-process", ""), ("example -- true", "")],
)
@pytest.mark.usefixtures("bob")
def test_an_interrupt_while_sts_is_silent_is_130_and_stops_the_shell(
    aws: FakeAws, program: str, words: str, stdout: str
) -> None:
    """Ctrl-C is a failure like any other, and leaves no lock behind."""
    aws.fault("hold", "AssumeRole")
    with _start(program, *words.split()) as process:
        aws.wait_for("AssumeRole")
        process.send_signal(signal.SIGINT)
        said, why = process.communicate(timeout=BOUND)
    assert process.returncode == 130
    assert said == stdout
    assert why == "awsassume: interrupted; nothing was changed\n"
    aws.clear_faults()
    with _start(program, "example") as process:
        assert "AWS_ACCESS_KEY_ID" in process.communicate(timeout=BOUND)[0]


@pytest.mark.usefixtures("bob")
def test_secrets_are_not_printed_on_a_terminal(program: str) -> None:
    """Not as shell code, not as JSON, fresh or remembered; how to do it is said, and --show does."""
    environ = on_path(program, os.environ)

    def on_terminal(*words: str) -> tuple[str, int | None]:
        child = pexpect.spawn(program, list(words), env=environ, encoding="utf-8", timeout=BOUND)
        said: str = child.read()
        child.close()
        return said.replace("\r\n", "\n"), child.exitstatus

    for _ in range(2):
        said, code = on_terminal("example", "--tag", "a=b c")
        assert code == 2
        assert said == (
            "awsassume: this would print credentials on the terminal; a shell must read them\n"
            "  run: eval \"$(awsassume example --tag 'a=b c')\", or see what they are with --show\n"
        )
        said, code = on_terminal("example", "--credential-process")
        assert code == 2
        assert "eval" not in said
        assert said.endswith("see what they are: awsassume --show example --credential-process\n")
        said, code = on_terminal("example", "--show")
        assert code == 0
        assert "\nexport AWS_ACCESS_KEY_ID='ASIA" in said
        assert on_terminal("example", "--", "true") == ("", 0)
    assert "false" not in on_terminal("example", "--nope")[0]


@pytest.mark.usefixtures("bob")
@pytest.mark.parametrize(
    "shell, line",
    [
        ("bash", 'eval "$(awsassume --init bash)"'),
        ("zsh", 'eval "$(awsassume --init zsh)"'),
        ("fish", "awsassume --init fish | source"),
        ("dash", ""),
    ],
)
def test_who_types_the_bare_word_is_told_of_the_function(
    program: str, shell: str, line: str
) -> None:
    """It is the first thing that anybody tries; the line is that of the shell in which it was typed."""
    need(shell)
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"], "dash": []}[shell]
    code = "awsassume example || echo refused"
    child = pexpect.spawn(
        shell,
        [*options, "-c", code],
        env=on_path(program, os.environ),
        encoding="utf-8",
        timeout=BOUND,
        dimensions=(24, 200),
    )
    said = child.read().replace("\r\n", "\n")
    child.close()
    assert said.endswith("refused\n")
    assert (f"  to have awsassume example do so by itself, once: {line}\n" in said) == bool(line)


@pytest.mark.parametrize(
    "words",
    [
        "example",
        "example --refresh",
        "example --credential-process",
        "--clear",
        "nope",
        "example --nope",
    ],
)
@pytest.mark.parametrize(
    "streams", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "> /dev/full", "2> /dev/full", "<&-"]
)
@pytest.mark.usefixtures("bob")
def test_closed_and_full_streams_make_no_bug_and_no_file_gets_what_they_would_have(
    program: str, tmp_path: Path, words: str, streams: str
) -> None:
    """A file opened while a stream is closed takes its number; no credentials end up in one."""
    done = subprocess.run(
        ["bash", "-c", f'"$0" {words} {streams}', program],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in {0, 2, 3}, done
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
    stdout_lost = streams.startswith((">", "<&- >"))
    if stdout_lost:
        assert done.returncode != 0
    for path in (tmp_path / "cache").rglob("*"):
        assert not path.is_file() or b"export " not in path.read_bytes()
        assert not path.name.endswith((".turn", ".lock")) or path.stat().st_size == 0


@pytest.mark.usefixtures("bob")
def test_whoever_stops_reading_hears_no_complaint(program: str) -> None:
    """Nor does the command that we become: it gets SIGPIPE as if started by the shell."""
    done = subprocess.run(
        ["bash", "-c", '"$0" example -- sh -c "yes | head -n 1"; "$0" example --refresh | true', program],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("y\n", "", 0)


@pytest.mark.parametrize(
    "environ, code",
    [({}, 0), ({"AWSASSUME_CACHE_DIR": "rel"}, 0), ({"AWS_CONFIG_FILE": "rel"}, 3)],
    ids=["absolute", "cache relative", "config relative"],
)
@pytest.mark.usefixtures("bob")
def test_from_a_directory_that_is_gone(
    program: str, tmp_path: Path, environ: dict[str, str], code: int
) -> None:
    """What is relative to it is told, or done without; everything else works."""
    done = subprocess.run(
        ["bash", "-c", 'mkdir gone && cd gone && rmdir ../gone && "$0" example', program],
        check=False, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **environ},
    )  # fmt: skip
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


# AWSASSUME_DEBUG.


@pytest.mark.parametrize("fault", ["hostile", "wrong-types", "status"])
def test_debug_shows_where_and_no_secret(
    aws: FakeAws, bob: Keys, run: Callable[..., Result], fault: str
) -> None:
    """Files, lines and kinds of errors; never what AWS answered, nor whose secret signed."""
    aws.fault(fault, "AssumeRole")  # type: ignore[arg-type]  # each is a kind
    quiet = run("example", code=5)
    assert ".py:" not in quiet.stderr
    loud = run("example", "--verbose", code=5, environ={"AWSASSUME_DEBUG": "1"})
    assert "sts.py:" in loud.stderr
    assert "RefusedFailure: " in loud.stderr
    for secret in (bob.secret_access_key, "touch pwned", "IQoJb3JpZ2luX2VjE"):
        assert secret not in loud.stderr
        assert secret not in loud.stdout


@pytest.mark.usefixtures("bob")
def test_a_bug_is_told_as_one(home: Path, run: Callable[..., Result]) -> None:
    """Exit code 1, its kind and place in two lines, and the shell stops as ever."""
    broken = home / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import awsassume.config\ndef broken(*_): raise ZeroDivisionError('a secret')\n"
        "awsassume.config.Config.__init__ = broken\n"
    )
    failed = run("example", code=1, environ={"PYTHONPATH": str(broken)})
    assert failed.stdout == "false;\n"
    assert failed.stderr.startswith(
        "awsassume: this is a bug: ZeroDivisionError at sitecustomize.py:2\n"
    )
    assert "AWSASSUME_DEBUG=1" in failed.stderr
    debugged = run("example", code=1, environ={"PYTHONPATH": str(broken), "AWSASSUME_DEBUG": "1"})
    assert "sitecustomize.py:2 in broken" in debugged.stderr
    assert "a secret" not in debugged.stderr


def test_control_characters_in_a_name_reach_no_terminal(
    bob: Keys, home: Path, run: Callable[..., Result]
) -> None:
    """What a config file or a command line holds is shown, and does nothing."""
    write(home, "[profile a\x1b]0;x\x07b]\nregion = x\n", f"[default]\n{lines_of(bob)}")
    failed = run("a\x1b]0;x\x07", "--profile", "\x1b[2J", code=None)
    assert "\x1b" not in failed.stderr
    assert "\x07" not in failed.stderr
