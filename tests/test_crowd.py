"""A crowd at a server on loopback, of others or of one's own, keeps nobody of one's own from being answered."""

from __future__ import annotations

import http.client
import json
import os
import resource
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from awsassume import browser, loopback, peer
from awsassume.credentials import Credentials
from awsassume.endpoint import PATH, Endpoint
from tests.other_user import NOBODY, ask_as, only_root
from tests.test_serve import Job, bob  # noqa: F401  # bob is a fixture
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")

# What most systems let a process open, or less.
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))
os.execv(sys.argv[1], sys.argv[1:])
"""
SAYS = {
    "silent": b"",
    "half a head": b"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1",
    "a head without end": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 9,
}


def crowd(stack: ExitStack, port: int, count: int, says: bytes) -> list[socket.socket]:
    """Connect so many times, say something each time, and leave it at that."""
    found = []
    for _ in range(count):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), 120))
        try:
            connection.sendall(says)
        except ConnectionError:
            # It was put out already.
            pass
        found.append(connection)
    return found


def drip(connections: list[socket.socket]) -> None:
    """Say a little more each second, so that nobody is silent for too long."""
    time.sleep(1)
    for connection in connections:
        with suppress(OSError):
            connection.send(b"x", socket.MSG_DONTWAIT)


@contextmanager
def another_users_crowd(port: int, count: int, says: bytes, user: int = NOBODY) -> Iterator[int]:
    """Let another user's process hold so many connections; yield the process."""
    ready, told = os.pipe()
    process = os.fork()
    if not process:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
            os.setuid(user)
            with ExitStack() as stack:
                connections = crowd(stack, port, count, says)
                os.write(told, b".")
                while True:
                    drip(connections)
        finally:
            os._exit(1)
    os.close(told)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    try:
        yield process
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)


@pytest.fixture
def job(program: str, request: pytest.FixtureRequest) -> Iterator[Job]:
    """Yield a job that runs."""
    request.getfixturevalue("bob")
    with Job(sys.executable, before=("-c", LIMITED.format(1024), program)) as running:
        yield running


class Keeper:
    """What an endpoint gives from, which may be busy for a while."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()

    def current(self) -> Credentials:
        """Give credentials once they are there."""
        assert self.free.wait(240)
        return Credentials("ASIAEXAMPLE", "secret", "token", 2000000000)


@contextmanager
def endpoint(keeper: Keeper) -> Iterator[Endpoint]:
    """Run an endpoint in this process."""
    found = Endpoint(loopback.listen(), "the-token", keeper)  # type: ignore[arg-type]  # as far as it goes
    found.start()
    try:
        yield found
    finally:
        found.shutdown()
        found.server_close()


def ask(port: int) -> Any:  # noqa: ANN401  # what JSON gives
    """Return what an endpoint answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
    connection.request("GET", PATH, headers={"Authorization": "the-token"})
    found = json.loads(connection.getresponse().read())
    connection.close()
    return found


@linux
@only_root
@pytest.mark.slow
@pytest.mark.parametrize("says", SAYS)
def test_a_thousand_of_another_user_are_nothing(job: Job, says: str) -> None:
    """Its own command is answered while they are there, every time, and they are put out."""
    with another_users_crowd(job.url.port or 0, 1100, SAYS[says]):
        for _ in range(5):
            assert job.ask()[0] == 200


@linux
@only_root
def test_another_user_with_the_token_gets_nothing(job: Job) -> None:
    """Who connects is asked before what is shown."""

    def show() -> str:
        return str(job.ask()[0])

    assert ask_as(NOBODY, show) in {"RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"}
    assert show() == "200"


@linux
@only_root
def test_another_user_is_put_out_at_once() -> None:
    """Such a connection holds nothing: it ends before anything is asked."""

    def wait_for_the_end() -> str:
        with socket.create_connection(("127.0.0.1", server.port), 240) as connection:
            return connection.recv(1).decode()

    with endpoint(Keeper()) as server:
        assert ask_as(NOBODY, wait_for_the_end) in {"", "ConnectionResetError"}


@pytest.mark.slow
@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_a_silent_crowd_makes_room(says: str, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one's own, and where it can't be told whose they are: the first who asked for nothing are put out."""
    if not told:
        monkeypatch.setattr(peer, "_V4", "/proc/nonexistent")
    before = threading.active_count()
    with endpoint(Keeper()) as server, ExitStack() as stack:
        connections = crowd(stack, server.port, 200, SAYS[says])
        for _ in range(5):
            assert ask(server.port)["AccessKeyId"] == "ASIAEXAMPLE"
        # Those who were put out see the end, and the number of those who stay is bounded.
        connections[0].settimeout(240)
        assert connections[0].recv(1) == b""
        assert eventually(lambda: threading.active_count() <= before + loopback.MOST + 2)


def test_all_who_ask_are_answered() -> None:
    """More than there is room for wait their turn, while a session is on its way."""
    keeper = Keeper()
    keeper.free.clear()
    with endpoint(keeper) as server, ThreadPoolExecutor(2 * loopback.MOST) as pool:
        answers = [pool.submit(ask, server.port) for _ in range(2 * loopback.MOST)]
        assert eventually(lambda: len(server._asking) == loopback.MOST)
        keeper.free.set()
        assert {answer.result(240)["AccessKeyId"] for answer in answers} == {"ASIAEXAMPLE"}


@linux
@pytest.mark.parametrize("free", [0, 1])
def test_too_many_open_files_open_nothing_to_others(free: int) -> None:
    """Where the table can't be read for want of a descriptor nobody is believed, oneself neither."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with loopback.listen() as listener:
        server = listener.getsockname()
        with socket.create_connection(server, 240) as client:
            highest = os.dup(0)
            os.close(highest)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (highest + free, limits[1]))
                found = peer.own([client.getsockname()], server)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert found == ({client.getsockname()} if free else set())


@linux
@pytest.mark.usefixtures("bob")
def test_few_files_are_enough(program: str) -> None:
    """With a hundred files to open, a crowd of one's own is put out before one's own command is."""
    with (
        Job(sys.executable, before=("-c", LIMITED.format(100), program)) as job,
        another_users_crowd(job.url.port or 0, 200, b"", user=os.getuid()),
    ):
        assert job.ask()[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("says", ["silent", "half a head"])
def test_a_page_is_reached_through_a_crowd(says: str) -> None:
    """The page that sends the browser on has the same bounds."""
    with browser.Page("https://signin.example/") as page, ExitStack() as stack:
        crowd(stack, page.port, 150, SAYS[says])
        place = urlsplit(page.address)
        connection = http.client.HTTPConnection(place.netloc, timeout=240)
        connection.request("GET", place.path)
        assert connection.getresponse().status == 303
        assert page.opened.wait(240)
