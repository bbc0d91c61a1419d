"""What was remembered is not used where the slow way would not answer, or would answer otherwise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pexpect
import pytest

from awsassume import memory, recall
from tests.bench import COMMAND, Bench, bench
from tests.conftest import need
from tests.other_user import only_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["bench"]

ROLE = "arn:aws:iam::123456789012:role/example-role"
WORDS = (ROLE, "--credential-process")
SECRET = "AWS_SECRET_ACCESS_KEY"


def policy(name: str) -> str:
    """Return a session policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [], "Id": name})


def policies(bench: Bench) -> list[str]:
    """Return the names of the policies that STS was sent so far."""
    return [json.loads(call.parameters["Policy"])["Id"] for call in bench.aws.calls("AssumeRole")]


def remembered(bench: Bench) -> int:
    """Return of how many command lines something is remembered."""
    place = bench.cache / recall.FOLDER
    return len([path for path in place.iterdir() if "." not in path.name]) if place.exists() else 0


@pytest.mark.parametrize(
    "before, after",
    [
        ({}, {SECRET: ""}),
        ({}, {SECRET: None}),
        ({}, {"AWS_SESSION_TOKEN": "bogus"}),
        ({"AWS_SESSION_TOKEN": ""}, {"AWS_SESSION_TOKEN": "bogus"}),
        ({"AWS_SECURITY_TOKEN": ""}, {"AWS_SECURITY_TOKEN": "bogus"}),
        ({}, {"AWS_ACCESS_KEY_ID": "AKIANOBODYEXAMPLE"}),
    ],
    ids=["no secret", "secret unset", "a token", "a token where none was", "the old token", "another key"],
)  # fmt: skip
def test_keys_that_would_not_do_are_not_answered_from_memory(
    bench: Bench, before: dict[str, str], after: dict[str, str | None]
) -> None:
    """With whole keys in the environment the role is had twice by one call; then with what AWS would refuse."""
    keys: dict[str, str | None] = {**bench.bob.environ, **before}
    bench.credentials_file.unlink()
    first = bench.run(*WORDS, environ=keys).stdout
    assert bench.run(*WORDS, environ=keys).stdout == first
    assert len(bench.aws.calls("AssumeRole")) == 1
    result = bench.run(*WORDS, environ={**keys, **after}, code=None)
    assert result.code in {3, 4}, str(result)
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_a_policy_from_a_pipe_is_read_each_time(bench: Bench, name: str) -> None:
    """The same words, and another policy behind them: nothing is remembered of such a line."""
    if not os.path.exists(name):
        pytest.skip(f"there is no {name} here")
    for given in ("A", "B"):
        bench.run(*WORDS, "--policy", name, stdin=None, input=policy(given).encode())
    assert policies(bench) == ["A", "B"]
    assert remembered(bench) == 0


def test_a_policy_from_a_fifo_is_read_each_time(bench: Bench) -> None:
    """Whoever writes into it may write another one."""
    fifo = bench.tmp_path / "fifo"
    os.mkfifo(fifo)
    for given in ("A", "B"):
        writer = threading.Thread(target=fifo.write_text, args=(policy(given),))
        writer.start()
        bench.run(*WORDS, "--policy", str(fifo))
        writer.join()
    assert policies(bench) == ["A", "B"]


def test_a_policy_of_a_shell_s_substitution_is_read_each_time(bench: Bench) -> None:
    """`<(…)` is the same word each time in bash."""
    line = " ".join(f"'{word}'" for word in (*COMMAND, *WORDS))
    code = f'for each in A B; do {line} --policy <(printf %s "$1" | sed s/NAME/$each/); done'
    done = subprocess.run(
        [need("bash"), "-c", code, "bash", policy("NAME")],
        check=False, capture_output=True, text=True, env=bench.environ, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert policies(bench) == ["A", "B"]


@pytest.mark.slow
def test_a_policy_that_is_typed_is_read_each_time(bench: Bench) -> None:
    """`--policy /dev/tty`: what is typed is what the session may do."""
    for given in ("A", "B"):
        terminal = pexpect.spawn(
            COMMAND[0], [*COMMAND[1:], *WORDS, "--show", "--policy", "/dev/tty"],
            env=bench.environ, encoding="utf-8", timeout=120,
        )  # fmt: skip
        terminal.sendline(policy(given))
        terminal.sendeof()
        terminal.sendeof()
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0, terminal.before
    assert policies(bench) == ["A", "B"]
    assert remembered(bench) == 0


def test_a_policy_in_a_file_is_remembered_until_the_file_changes(bench: Bench) -> None:
    """As any file is, also where its name leads through a link that comes to lead elsewhere."""
    for given in ("A", "B"):
        (bench.tmp_path / given).write_text(policy(given))
    link = bench.tmp_path / "link"
    link.symlink_to(bench.tmp_path / "A")
    _settle()
    first = bench.run(*WORDS, "--policy", str(link)).stdout
    assert bench.run(*WORDS, "--policy", str(link)).stdout == first
    assert remembered(bench) == 1
    link.unlink()
    link.symlink_to(bench.tmp_path / "B")
    bench.run(*WORDS, "--policy", str(link))
    assert policies(bench) == ["A", "B"]


def _settle() -> None:
    until = time.monotonic() + memory.SETTLING_SECONDS * 2
    while time.monotonic() < until:
        time.sleep(0.01)


def test_an_empty_device_is_a_file_that_does_not_change(bench: Bench) -> None:
    """`/dev/null` is named on purpose, and what is remembered of it holds."""
    keys: dict[str, str | None] = dict(bench.bob.environ)
    environ = {**keys, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    first = bench.run(*WORDS, environ=environ).stdout
    assert remembered(bench) == 1
    assert bench.run(*WORDS, environ=environ).stdout == first


@pytest.mark.parametrize("kind", ["a FIFO", "a terminal", "a socket", "a folder"])
def test_what_is_no_file_is_never_settled(tmp_path: Path, kind: str) -> None:
    """Whatever its times say."""
    import pty
    import socket

    path = tmp_path / "x"
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a terminal":
        path.symlink_to(os.ttyname(pty.openpty()[1]))
    elif kind == "a socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    else:
        path.mkdir()
    os.utime(path, (0, 0), follow_symlinks=False)
    _settle()
    files = memory.Files()
    files.note(str(path))
    assert not files.may_be_remembered


@pytest.mark.parametrize(
    "path, may",
    [("~/x", True), ("~", True), ("/x", True), ("~root/x", False), ("~nobody", False)],
)
def test_another_user_s_home_is_not_remembered(path: str, may: bool) -> None:
    """It may move, and nothing at hand tells where it is."""
    files = memory.Files()
    assert files.expanded(path) == os.path.expanduser(path)
    assert files.may_be_remembered == may


MOVE = """\
set -e
take() { awk -F: -v home="$2" 'BEGIN { OFS = ":" } $3 == 0 { $6 = home } { print }' "$PASSWD" >"$1"; }
take "$DIR/one.passwd" "$DIR/one"; take "$DIR/two.passwd" "$DIR/two"
for home in one one two; do
    mount --bind "$DIR/$home.passwd" /etc/passwd
    env -u HOME "$@"
    umount /etc/passwd
done
"""
"""Runs its arguments without HOME, where the system says that root's home is `one`, again, and then `two`."""


@only_root
def test_a_home_that_moved_while_no_variable_names_it_is_seen(bench: Bench) -> None:
    """The system's own list of users says where `~` is then; another home has another config."""
    passwd = bench.tmp_path / "passwd"
    shutil.copy("/etc/passwd", passwd)
    bench.aws.add_role("other", trust=bench.bob)
    for home, role in (("one", "example-role"), ("two", "other")):
        shutil.copytree(bench.home / ".aws", bench.tmp_path / home / ".aws")
        (bench.tmp_path / home / ".aws/config").write_text(
            f"[profile x]\nrole_arn = arn:aws:iam::123456789012:role/{role}\nsource_profile = default\n"
        )
    _settle()
    names = ("HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    environ = {name: value for name, value in bench.environ.items() if name not in names}
    environ |= {"DIR": str(bench.tmp_path), "PASSWD": str(passwd)}
    line = [
        need("unshare"),
        "--mount",
        "sh",
        "-c",
        MOVE,
        "sh",
        *COMMAND,
        "x",
        "--credential-process",
    ]
    done = subprocess.run(line, check=False, capture_output=True, text=True, env=environ)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    arns = [
        bench.aws.keys[json.loads(said)["AccessKeyId"]].arn for said in done.stdout.splitlines()
    ]
    assert [arn.split("/")[1] for arn in arns] == ["example-role", "example-role", "other"]
    assert len(bench.aws.calls("AssumeRole")) == 2


def linked_to_itself(path: Path) -> None:
    """Put a link in a file's place that leads nowhere."""
    path.unlink()
    path.symlink_to(path)


def made_a_fifo(path: Path) -> None:
    """Put a pipe in a file's place."""
    path.unlink()
    os.mkfifo(path)


def made_a_folder(path: Path) -> None:
    """Put a folder in a file's place."""
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], None]] = {
    "removed": lambda path: path.unlink(),
    "a folder": made_a_folder,
    "a link to itself": linked_to_itself,
    "a FIFO": made_a_fifo,
    "behind a folder that is gone": lambda path: shutil.rmtree(path.parent),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_config_that_is_no_longer_there_is_seen(bench: Bench, change: str) -> None:
    """A profile's role was had twice by one call; without its file it is no role any more."""
    bench.config_file.write_text(f"[profile x]\nrole_arn = {ROLE}\nsource_profile = default\n")
    _settle()
    first = bench.run("x", "--credential-process").stdout
    assert bench.run("x", "--credential-process").stdout == first
    CHANGES[change](bench.config_file)
    result = bench.run("x", "--credential-process", code=None)
    assert result.code in {3, 4, 5}
    assert result.stdout == ""
