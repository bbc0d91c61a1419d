"""Whose a connection on loopback is, is told by both its whole ends, while it lasts, or not at all."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from awsassume import browser, peer
from tests.chromium import Chromium
from tests.other_user import NOBODY, STRANGER, acting_as, ask_as, only_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ELSEWHERE = [f"127.0.0.{number}" for number in range(2, 34)]

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose a connection is")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Yield a socket that listens on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def listen_at(address: str, port: int) -> socket.socket:
    """Listen at another address of loopback, which is anybody's to do."""
    return socket.create_server((address, port))


def socket_at(address: str, port: int = 0, family: int = socket.AF_INET) -> socket.socket:
    """Return a socket of this address that may share it with connections that there are."""
    found = socket.socket(family)
    found.settimeout(60)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((address, port))
    return found


def is_own(client: socket.socket, server: socket.socket) -> bool | None:
    """Tell what is found of one connection, at the client's end that the server sees."""
    end, address = server.accept()
    found = peer.own([address], server.getsockname())
    end.close()
    del client  # it is to be open until here
    return None if found is None else found == {address}


@linux
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["tcp", "tcp6"])
def test_ones_own_is_found(server: socket.socket, family: int) -> None:
    """By an IPv4 socket, and by one that speaks both and has the address mapped, as Java's do."""
    with socket.socket(family) as client:
        host, port = server.getsockname()
        client.connect((host if family == socket.AF_INET else f"::ffff:{host}", port))
        assert is_own(client, server) is True


@linux
@only_root
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["tcp", "tcp6"])
@pytest.mark.parametrize(
    "server_of, client_of", [(0, NOBODY), (NOBODY, STRANGER), (NOBODY, 0)], ids=str
)
def test_another_users_is_not(
    server: socket.socket, family: int, server_of: int, client_of: int
) -> None:
    """Not even the superuser's: what is closed is listed as the superuser's."""
    host, port = server.getsockname()
    with acting_as(client_of):
        client = socket.socket(family)
        client.connect((host if family == socket.AF_INET else f"::ffff:{host}", port))
    with client, acting_as(server_of):
        assert is_own(client, server) is False


@linux
@pytest.mark.parametrize("how", [socket.SHUT_WR, None], ids=["half", "whole"])
def test_what_is_closed_is_nobodys(server: socket.socket, how: int | None) -> None:
    """A connection that its client has closed, or half of it, is not believed."""
    client = socket.create_connection(server.getsockname())
    if how is None:
        client.close()
    else:
        client.shutdown(how)
    assert is_own(client, server) is False
    client.close()


@linux
def test_a_connection_from_another_address_of_ones_own_is_told(server: socket.socket) -> None:
    """The address counts, and not that it is 127.0.0.1."""
    client = socket_at("127.0.0.77")
    client.connect(server.getsockname())
    assert is_own(client, server) is True


@linux
def test_of_many_each_is_told(server: socket.socket) -> None:
    """One look answers for all who came."""
    clients = [socket.create_connection(server.getsockname()) for _ in range(20)]
    ends = [server.accept() for _ in clients]
    clients[3].close()
    gone = ends[3][1]
    addresses = {address for _, address in ends}
    assert len(addresses) == 20
    assert peer.own(addresses, server.getsockname()) == addresses - {gone}
    for each in [*clients, *(end for end, _ in ends)]:
        each.close()


@linux
def test_a_connection_of_nobody_is_nobodys(server: socket.socket) -> None:
    """What no table lists is not one's own."""
    assert peer.own([("127.0.0.1", 9)], server.getsockname()) == set()


def test_where_there_is_no_table_nothing_is_told(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not called one's own, nor another's."""
    monkeypatch.setattr(peer, "_V4", "/proc/nonexistent")
    assert not peer.is_told()
    client = socket.create_connection(server.getsockname())
    assert is_own(client, server) is None


def ask_page(address: str, client: socket.socket) -> str:
    """Return the first line of what a page answers, or nothing."""
    place = urlsplit(address)
    client.connect((place.hostname, place.port))
    client.sendall(f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
    return client.recv(4096).decode().partition("\r\n")[0]


def plainly(address: str) -> str:
    """Ask a page as anybody does."""
    return ask_page(address, socket.socket())


def behind_the_superusers_rows(address: str) -> str:
    """Ask from a port that closed connections used to other addresses: their lines say 0 for the user."""
    port = urlsplit(address).port or 0
    first = socket_at("127.0.0.1")
    own = first.getsockname()[1]
    first.close()
    for other in ELSEWHERE:
        with listen_at(other, port) as listener, socket_at("127.0.0.1", own) as client:
            client.connect((other, port))
            end, _ = listener.accept()
            client.shutdown(socket.SHUT_WR)
            end.close()
    return ask_page(address, socket_at("127.0.0.1", own))


ATTACKS = pytest.mark.parametrize(
    "attack", [plainly, behind_the_superusers_rows], ids=lambda attack: attack.__name__
)


@linux
@only_root
@ATTACKS
@pytest.mark.parametrize("user", [0, STRANGER], ids=["root's page", "a user's page"])
def test_a_page_is_not_another_users(user: int, attack: Callable[[str], str]) -> None:
    """Whoever read the page's name in the list of processes gets no link, by any line that the table has."""
    with acting_as(user), browser.Page("https://signin.example/secret") as page:
        says = ask_as_root(lambda: attack(page.address))
        assert "303" not in says
        assert not page.opened.is_set()
        assert "303" in plainly(page.address)


def ask_as_root(question: Callable[[], str]) -> str:
    """Ask as nobody, whoever is acted as: only root can become another."""
    user = os.geteuid()
    os.seteuid(0)
    try:
        return str(ask_as(NOBODY, question))
    finally:
        os.seteuid(user)


@linux
@only_root
def test_a_port_of_ones_own_opens_nothing_to_others() -> None:
    """Another user takes the number of a port that one of this user's connections has, at another address."""
    with browser.Page("https://signin.example/secret") as page:
        port = urlsplit(page.address).port or 0
        client = socket_at("127.0.0.1")
        own = client.getsockname()[1]
        listeners, clients = [], [client]
        for other in ELSEWHERE:
            listeners.append(listen_at(other, port))
            client.connect((other, port))
            client = socket_at("127.0.0.1", own)
            clients.append(client)
        says = ask_as(NOBODY, lambda: ask_page(page.address, socket_at("127.0.0.99", own)))
        assert "303" not in says
        assert not page.opened.is_set()
        assert "303" in plainly(page.address)
        for each in [*listeners, *clients]:
            each.close()


@linux
@only_root
def test_another_user_answers_no_login() -> None:
    """The callback hears this user's browser alone, even where somebody knows the state."""
    with browser.Page(callback="/oauth/callback") as page:
        place = f"http://127.0.0.1:{page.port}/oauth/callback"
        said = ask_as(NOBODY, lambda: behind_the_superusers_rows(place))
        assert "200" not in said
        assert not page.returned.is_set()


def test_where_it_is_not_told_the_name_is_on_no_command_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There the browser is given a file that only this user reads, which is gone with the page, and holds no link."""
    monkeypatch.setattr(peer, "_V4", "/proc/nonexistent")
    with browser.Page("https://signin.example/secret") as page:
        path = page.address.removeprefix("file://")
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
        text = Path(path).read_text()
        assert "signin.example" not in text
        port = f"http://127.0.0.1:{page.port}/"
        assert "404" in plainly(port)
        assert "303" in plainly(port + text.partition(port)[2].partition('"')[0])
    assert not os.path.exists(os.path.dirname(path))
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$*" >{tmp_path}/words\n')
    script.chmod(0o755)
    opener = browser.Opener("file:///a", {**os.environ, "BROWSER": str(script)})
    assert opener._process.args[-1] == browser._OPENER  # type: ignore[index]  # it is a list
    opener._process.wait(120)
    assert (tmp_path / "words").read_text() == "file:///a"


@pytest.mark.slow
def test_a_browser_comes_by_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real browser is led from the file to the page, and sent on."""
    monkeypatch.setattr(peer, "_V4", "/proc/nonexistent")
    chromium = Chromium(tmp_path / "chromium")
    with browser.Page("http://127.0.0.1:9/secret") as page:
        browser.Opener(page.address, {**os.environ, **chromium.environ})
        assert page.opened.wait(120)
    assert chromium.words.startswith("file://")
