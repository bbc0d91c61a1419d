"""What outlives a command under --serve is served for as long as it lives, and the endpoint ends with the last of it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.conftest import need
from tests.test_serve import bob  # noqa: F401  # a fixture
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result
    from tests.fake_aws import FakeAws

    Run = Callable[..., Result]

pytestmark = [
    pytest.mark.usefixtures("bob"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was handed on"),
]

# Writes down where the endpoint is, and stays until it is killed.
STAY = "umask 077; env -0 >$HEIR.part; echo $$ >$HEIR.pid; mv $HEIR.part $HEIR; exec sleep 100000"
DAEMON = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.closerange(0, 1024)
        os.open(os.devnull, os.O_RDWR)
        os.dup2(0, 1)
        os.dup2(0, 2)
        os.execvp("sh", ["sh", "-c", os.environ["STAY"]])
    os._exit(0)
os.wait()
"""
WAYS = {
    "background": ["sh", "-c", 'sh -c "$STAY" >/dev/null 2>&1 & exit 0'],
    "nohup": ["sh", "-c", 'nohup sh -c "$STAY" >/dev/null 2>&1 & exit 0'],
    "setsid": ["sh", "-c", 'setsid -f sh -c "$STAY" </dev/null >/dev/null 2>&1'],
    "daemon": [sys.executable, "-c", DAEMON],
    "killed": ["sh", "-c", 'sh -c "$STAY" >/dev/null 2>&1 & kill -9 $$'],
    "tmux": ["sh", "-c", 'tmux -S "$HEIR.tmux" -f /dev/null new-session -d "$STAY"'],
}


class Heir:
    """A process that a command left behind; `environ` is what it was handed on."""

    def __init__(self, place: Path) -> None:
        assert eventually(place.exists)
        pairs = place.read_bytes().split(b"\0")
        self.environ = dict(os.fsdecode(pair).partition("=")[::2] for pair in pairs if pair)
        self.process = int(Path(f"{place}.pid").read_text())
        self.url = urlsplit(self.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])

    def ask(self) -> dict[str, str] | None:
        """Return what the endpoint gives; nothing where it is gone."""
        connection = http.client.HTTPConnection(self.url.netloc, timeout=120)
        token = self.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        try:
            connection.request("GET", self.url.path, headers={"Authorization": token})
            found: dict[str, str] = json.loads(connection.getresponse().read())
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield where an heir writes, and end the heir."""
    found = tmp_path / "heir"
    monkeypatch.setenv("HEIR", str(found))
    monkeypatch.setenv("STAY", STAY)
    yield found
    pid = Path(f"{found}.pid")
    if pid.exists():
        end(int(pid.read_text()))


def end(process: int) -> None:
    """Kill a process that may be gone."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_outlives_the_command_is_served(
    aws: FakeAws, program: str, place: Path, way: str
) -> None:
    """However it has gone away, and whatever it has closed, it is the role after the command's end, and reads its config."""
    if way == "tmux":
        need("tmux")
    # Nobody reads a stream that the heir might hold open.
    code = subprocess.run(
        [program, "--serve", "example-role", "--", *WAYS[way]],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ).returncode
    assert code == (-signal.SIGKILL if way == "killed" else 0)
    heir = Heir(place)
    for _ in range(3):
        found = heir.ask()
        assert found
        assert "example-role" in aws.whose(found["AccessKeyId"])
        time.sleep(0.5)
    assert Path(heir.environ["AWS_CONFIG_FILE"]).read_text().startswith("[default]")
    end(heir.process)
    assert eventually(lambda: heir.ask() is None)
    assert not Path(heir.environ["AWS_CONFIG_FILE"]).exists()


@pytest.mark.slow
def test_an_heir_gets_new_sessions_when_it_asks(aws: FakeAws, run: Run, place: Path) -> None:
    """AWS is asked for those who ask, and for nobody else: a forgotten process renews nothing."""
    aws.lifetime = 4
    run("--serve", "example-role", "--", *WAYS["setsid"])
    heir = Heir(place)
    keys: set[str] = set()

    def has_three() -> bool:
        found = heir.ask() or {}
        keys.add(found.get("AccessKeyId", ""))
        return len(keys - {""}) == 3

    assert eventually(has_three)
    asked = len(aws.calls("AssumeRole"))
    # A session's life goes by three times; a machine that is slow only makes it more.
    time.sleep(12)
    # One renewal may have been under way.
    assert len(aws.calls("AssumeRole")) <= asked + 1
    found = heir.ask()
    assert found
    assert found["AccessKeyId"] not in keys


def test_who_does_not_know_of_it_holds_nothing(run: Run, place: Path, tmp_path: Path) -> None:
    """A child whose environment was cleaned can't ask, so the endpoint ends with the command."""
    line = f'env >{tmp_path}/env; setsid -f env -u AWS_CONTAINER_AUTHORIZATION_TOKEN sh -c "$STAY" </dev/null >/dev/null 2>&1'
    run("--serve", "example-role", "--", "sh", "-c", line)
    assert eventually(place.exists)
    lines = (tmp_path / "env").read_text().splitlines()
    heir = Heir(place)
    (token,) = [line for line in lines if line.startswith("AWS_CONTAINER_AUTHORIZATION_TOKEN=")]
    heir.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token.partition("=")[2]
    assert eventually(lambda: heir.ask() is None)
    assert Path(f"/proc/{heir.process}").exists()


def test_the_last_of_several_ends_it(run: Run, place: Path) -> None:
    """One that goes leaves the endpoint to those that stay."""
    line = 'for n in 1 2; do HEIR=$HEIR$n setsid -f sh -c "$STAY" </dev/null >/dev/null 2>&1; done'
    run("--serve", "example-role", "--", "sh", "-c", line)
    heirs = [Heir(Path(f"{place}{number}")) for number in (1, 2)]
    try:
        end(heirs[0].process)
        for _ in range(3):
            assert heirs[1].ask()
            time.sleep(0.5)
    finally:
        for heir in heirs:
            end(heir.process)
    assert eventually(lambda: heirs[1].ask() is None)
