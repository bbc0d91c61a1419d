"""Whatever signal ends a call, the shell that reads it fails, and what the call starts knows nothing of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.aws_files import on_path
from tests.conftest import need
from tests.waiting import BOUND

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

# These stop a process, or go on, or are no end by default; or can't be caught; or come from a fault of its own.
OTHERS = {
    "SIGKILL", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCONT", "SIGCHLD", "SIGCLD", "SIGURG", "SIGWINCH", "SIGPIPE",
    "SIGXFSZ", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGINFO",
}  # fmt: skip
ENDING = sorted(
    {name for name in dir(signal) if name.startswith("SIG") and name[3] != "_"}
    - OTHERS
    # Two more names of two of them; and one that rings when AWS has had its time, whoever sends it.
    - {"SIGIOT", "SIGPOLL", "SIGALRM"}
)


def start(program: str, *words: str) -> subprocess.Popen[str]:
    """Start a call whose streams are read."""
    process: subprocess.Popen[str] = subprocess.Popen(
        [program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return process


def ended(aws: FakeAws, program: str, number: int, *words: str) -> tuple[int, str, str]:
    """End a call by a signal while AWS is silent, and give its code, what it printed and what it said."""
    count = len(aws.calls("AssumeRole"))
    with start(program, *words) as process:
        aws.wait_for("AssumeRole", count + 1, seconds=BOUND)
        process.send_signal(number)
        printed, said = process.communicate(timeout=BOUND)
    return process.returncode, printed, said


@pytest.mark.slow
@pytest.mark.usefixtures("bob")
def test_every_signal_that_ends_a_call_fails_the_shell(aws: FakeAws, program: str) -> None:
    """The code is 128 and the signal's number; `false` is all that is printed, and the signal is named."""
    aws.fault("hold", "AssumeRole")
    for name in ENDING:
        number = getattr(signal, name)
        by = "" if name == "SIGINT" else f" by {signal.Signals(number).name}"
        said = f"awsassume: interrupted{by}; nothing was changed\n"
        assert ended(aws, program, number, "example", "--no-cache") == (
            128 + number,
            "false;\n",
            said,
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
@pytest.mark.parametrize("words", ["example --credential-process", "example -- true"])
@pytest.mark.usefixtures("bob")
def test_where_no_shell_reads_nothing_is_printed(
    aws: FakeAws, program: str, number: int, words: str
) -> None:
    """An SDK gets no text that is no JSON, and a command's output is its own."""
    aws.fault("hold", "AssumeRole")
    code, printed, _ = ended(aws, program, number, *words.split())
    assert (code, printed) == (128 + number, "")
    aws.clear_faults()
    with start(program, "example") as process:
        assert "AWS_ACCESS_KEY_ID" in process.communicate(timeout=BOUND)[0]


@pytest.mark.parametrize("shell", ["bash", "zsh", "dash", "fish", "bash -e"])
@pytest.mark.parametrize("name", ["TERM", "USR1"])
@pytest.mark.usefixtures("bob")
def test_a_line_whose_call_a_signal_ended_does_not_go_on(
    aws: FakeAws, program: str, tmp_path: Path, shell: str, name: str
) -> None:
    """`eval "$(timeout 2 awsassume slow)" && …` is Bob no more; nor does `set -e` go on."""
    words = shell.split()
    need(words[0])
    aws.fault("hold", "AssumeRole")
    call = f"sh -c 'echo $$ > pid && exec \"{program}\" example --no-cache'"
    then = "\necho WENT ON" if shell == "bash -e" else " && echo WENT ON"
    with subprocess.Popen(
        [*words, "-c", f'eval "$({call})"{then}'],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        aws.wait_for("AssumeRole", 1, seconds=BOUND)
        os.kill(int((tmp_path / "pid").read_text()), getattr(signal, f"SIG{name}"))
        printed, said = process.communicate(timeout=BOUND)
    assert printed == ""
    assert said == f"awsassume: interrupted by SIG{name}; nothing was changed\n"
    assert process.returncode != 0


@pytest.mark.usefixtures("bob")
def test_an_alarm_while_aws_has_its_time_is_its_end(aws: FakeAws, program: str) -> None:
    """SIGALRM is how that time ends; the shell fails as ever."""
    aws.fault("hold", "AssumeRole")
    code, printed, _ = ended(aws, program, signal.SIGALRM, "example", "--no-cache")
    assert (code, printed) == (5, "false;\n")


@pytest.mark.usefixtures("bob")
def test_what_is_ignored_from_the_start_stays_ignored(aws: FakeAws, program: str) -> None:
    """Under `nohup` a hangup ends nothing; so with every signal, and with the command that takes our place."""
    aws.fault("hold", "AssumeRole")
    script = f"trap '' HUP TERM USR1; exec \"{program}\" example --no-cache"
    with start("bash", "-c", script) as process:
        aws.wait_for("AssumeRole", 1, seconds=BOUND)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1):
            process.send_signal(number)
        aws.clear_faults()
        assert "AWS_ACCESS_KEY_ID" in process.communicate(timeout=BOUND)[0]
    assert process.returncode == 0


@pytest.mark.usefixtures("bob")
def test_a_signal_that_comes_when_all_is_printed_changes_nothing() -> None:
    """Who reads has the role by then: no `false` follows it."""
    number = signal.SIGTERM
    script = (
        "import os, sys; from awsassume import program\n"
        "write = program.Program.write_code\n"
        "def then(*given):\n"
        "    write(*given)\n"
        f"    os.kill(os.getpid(), {int(number)})\n"
        "program.Program.write_code = then\n"
        "sys.exit(program.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "example"],
        capture_output=True, text=True, timeout=BOUND, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "false;\n" not in done.stdout.splitlines(keepends=True)


@pytest.mark.parametrize(
    "hidden",
    [
        "class Hides:\n    def __del__(self): main()\nHides()\n",
        "import ctypes\nctypes.CFUNCTYPE(None)(main)()\n",
        "import weakref\nclass Gone: pass\ngone = Gone(); weakref.finalize(gone, main); del gone\n",
    ],
    ids=["a finalizer", "a callback of C", "a weak reference"],
)
@pytest.mark.usefixtures("bob")
def test_an_interrupt_where_none_can_be_raised_is_the_end_all_the_same(
    aws: FakeAws, tmp_path: Path, hidden: str
) -> None:
    """In what C calls back an exception is printed and lost: neither a traceback nor a wait for the timeout follows."""
    aws.fault("hold", "AssumeRole")
    (tmp_path / "hidden.py").write_text(
        "import time\nfrom awsassume import program, slow\n"
        "def main():\n    print('ready', flush=True)\n    time.sleep(600)\n"
        f"def run(*given):\n    exec({hidden!r}, dict(globals(), main=main))\n    time.sleep(600)\n"
        "slow.run = run\nprogram.main()\n"
    )
    with start(sys.executable, str(tmp_path / "hidden.py"), "example") as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=BOUND)
    assert (process.returncode, printed) == (130, "false;\n")
    assert said == "awsassume: interrupted; nothing was changed\n"


# Signs as botocore does with awscrt, whose part in C asks back in Python for the credentials, and for the end.
SIGNING = """\
import sys, time
from awscrt import auth, http
from awsassume import program, slow
WHERE = sys.argv.pop(1)
def hold(where):
    if where == WHERE:
        print("ready", flush=True)
        time.sleep(600)
def credentials():
    hold("credentials")
    return auth.AwsCredentials("AKIA", "secret")
def run(*given):
    provider = auth.AwsCredentialsProvider.new_delegate(credentials)
    config = auth.AwsSigningConfig(
        credentials_provider=provider, region="us-east-1", service="sts",
        should_sign_header=lambda name: hold("header") or True,
    )
    request = http.HttpRequest("GET", "/", http.HttpHeaders([("Host", "127.0.0.1"), ("X-Y", "z")]))
    auth.aws_sign_request(request, config).result(timeout=600)
    hold("end")
    time.sleep(600)
slow.run = run
program.main()
"""


@pytest.mark.parametrize("where", ["credentials", "header", "end"])
@pytest.mark.usefixtures("bob")
def test_an_interrupt_while_awscrt_signs_is_130_at_once(tmp_path: Path, where: str) -> None:
    """It asks back in Python from C, where an interrupt would be printed, and lost."""
    pytest.importorskip("awscrt")
    (tmp_path / "signing.py").write_text(SIGNING)
    with start(sys.executable, str(tmp_path / "signing.py"), where, "example") as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=BOUND)
    assert (process.returncode, printed) == (130, "false;\n")
    assert said == "awsassume: interrupted; nothing was changed\n"


# What the function tells the program.


WITHIN = ("AWSASSUME_SHELL", "AWSASSUME_SHIM_FD", "AWSASSUME_SUBSHELL")
PROCESS = """\
import json, os, sys
seen = {name: text for name, text in os.environ.items() if name in @NAMES@}
seen["open"] = [number for number in range(3, 20) if os.path.exists(f"/proc/self/fd/{number}")
    and os.readlink(f"/proc/self/fd/{number}").startswith(("pipe", "/tmp"))]
open("@SEEN@", "w").write(json.dumps(seen))
"""


def observed(home: Path, kind: str) -> tuple[str, Path]:
    """Give the profile's lines with a process of a kind that writes down what it was started with."""
    seen, script = home / f"{kind}.json", home / f"{kind}.py"
    prints = (
        "123456"
        if kind == "mfa_process"
        else json.dumps({"Version": 1, "AccessKeyId": "AKIAX", "SecretAccessKey": "x"})
    )
    script.write_text(
        PROCESS.replace("@SEEN@", str(seen)).replace("@NAMES@", str(WITHIN))
        + f"print({prints!r})\n"
    )
    return f"{kind} = {sys.executable} {script}\n", seen


@pytest.mark.parametrize("kind", ["credential_process", "mfa_process", "command"])
@pytest.mark.usefixtures("bob")
def test_what_the_function_tells_the_program_goes_no_further(
    run: Callable[..., Result], home: Path, tmp_path: Path, kind: str
) -> None:
    """Neither the shell's name nor the descriptor for its code reaches a process that is started on the way."""
    line, seen = observed(home, kind if kind != "command" else "mfa_process")
    role = "role_arn = arn:aws:iam::123456789012:role/example-role\n"
    with (home / ".aws/config").open("a") as config:
        if kind == "credential_process":
            config.write(f"[profile source]\n{line}[profile x]\n{role}source_profile = source\n")
        else:
            serial = "mfa_serial = arn:aws:iam::123456789012:mfa/Bob\n"
            config.write(f"[profile x]\n{role}source_profile = default\n{serial}{line}")
    words = "x" if kind != "command" else f"example -- {sys.executable} {home}/mfa_process.py"
    run(
        argv=("bash", "-c", f'exec 3>"{tmp_path}/code"; awsassume {words}'),
        environ={
            "AWSASSUME_SHELL": "fish", "AWSASSUME_SHIM_FD": "3", "AWSASSUME_SUBSHELL": ":",
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
        },
        code=None,
    )  # fmt: skip
    assert json.loads(seen.read_text()) == {"open": []}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_among_them_gets_its_own_shell_s_code(
    aws: FakeAws, bob: object, program: str, home: Path, shell: str
) -> None:
    """A bash script that evals awsassume, with a file of its own open as 3: the keys go to it, and to no file."""
    need(shell)
    assert bob
    keys = aws.add_user("Eve", allow=["sts:AssumeRole"])
    aws.add_role("inner", trust=keys)
    aws.add_role("outer", trust=f"arn:aws:iam::{aws.account}:root")
    script = home / "process.sh"
    script.write_text(
        f'#!/bin/bash\nexec 3>"{home}/file"\nexport HOME="{home}"\n'
        f'eval "$({program} example --no-cache)" || exit 7\n'
        'printf \'{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s", "SessionToken": "%s"}\' '
        '"$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN"\n'
    )
    script.chmod(0o755)
    with (home / ".aws/config").open("a") as config:
        config.write(f"[profile source]\ncredential_process = {script}\n")
    options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    load = 'eval "$(awsassume --init {})"' if shell != "fish" else "awsassume --init {} | source"
    done = subprocess.run(
        [shell, *options, "-c", f"{load.format(shell)}\nawsassume source && env"],
        env=on_path(program, os.environ), capture_output=True, text=True, timeout=BOUND, check=False,
    )  # fmt: skip
    assert "AWS_ACCESS_KEY_ID=ASIA" in done.stdout, done.stderr
    assert (home / "file").read_text() == ""
