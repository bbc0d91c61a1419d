"""An answer that does not end is read up to a MiB, whoever gives it; then it is none, and that is said."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from awsassume import bounded
from tests.bench import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = ["bench"]

ROLE = "arn:aws:iam::123456789012:role/example-role"
PART = b" " * (1 << 16)
# A MiB is read; the sockets of both sides hold some more, and a standard retry asks three times.
MOST_SENT = 3 * (bounded.MOST_BYTES + (16 << 20))


class Endless:
    """A server that answers whatever is asked with a head, and then with blanks for as long as somebody reads."""

    def __init__(self, head: bytes, *, chunked: bool = False) -> None:
        self.head = head
        self.chunked = chunked
        self.sent = 0
        self.asked = 0
        self._ended = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            connection.recv(1 << 16)
            self.asked += 1
            connection.sendall(self.head)
            # Ten times what a patient reader should have taken; a reader that goes on has failed by then.
            while self.sent < 10 * MOST_SENT and not self._ended.is_set():
                size = b"%x\r\n" % len(PART) if self.chunked else b""
                connection.sendall(size + PART + (b"\r\n" if self.chunked else b""))
                self.sent += len(PART)
        except OSError:
            return


HEADS = {
    "no length": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<AssumeRoleResponse>",
    "ten GiB": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 10737418240\r\n\r\n<a>",
    "chunks": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an error": b"HTTP/1.1 403 No\r\nContent-Type: text/xml\r\n\r\n<ErrorResponse>",
    "another error": b"HTTP/1.1 500 No\r\nContent-Type: text/xml\r\n\r\n<ErrorResponse>",
    "JSON": b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"Code": "Success",',
    "compressed": b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08",
}


@pytest.fixture(params=HEADS)
def endless(request: pytest.FixtureRequest) -> Iterator[Endless]:
    """Return a server whose answers do not end."""
    with Endless(HEADS[request.param], chunked=request.param == "chunks") as server:
        yield server


def judged(bench: Bench, endless: Endless, code: int, *words: str, **environ: str | None) -> str:
    """Run awsassume on an answer without an end; return what it said."""
    result = bench.run(*words, code=code, environ=environ)
    assert result.stdout in {"", "false;\n"}
    assert endless.asked
    assert endless.sent < MOST_SENT
    return result.stderr


@pytest.mark.slow
def test_an_answer_of_sts_without_an_end_is_cut(bench: Bench, endless: Endless) -> None:
    """Nothing is kept, and one line says that it was no answer."""
    said = judged(bench, endless, 5, ROLE, "--credential-process", AWS_ENDPOINT_URL=endless.url)
    assert len(said.splitlines()) <= 2
    assert not (bench.cache / "sessions").exists() or bench.session_files == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "service", ["AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_SIGNIN", "a container", "an instance", "a sign-on"]
)  # fmt: skip
def test_so_is_one_of_whatever_else_is_asked(bench: Bench, service: str) -> None:
    """ListRoles, the console's sign-in, a container's and an instance's credentials, and IAM Identity Center."""
    with Endless(HEADS["JSON"]) as endless:
        ask = (ROLE, "--credential-process")
        if service == "AWS_ENDPOINT_URL_IAM":
            judged(
                bench, endless, 5, "example-role", "--credential-process", **{service: endless.url}
            )
        elif service == "AWS_ENDPOINT_URL_SIGNIN":
            judged(bench, endless, 5, "--console", ROLE, "--no-open", **{service: endless.url})
        elif service == "a container":
            bench.credentials_file.unlink()
            url = f"{endless.url}/credentials"
            judged(bench, endless, 4, *ask, AWS_CONTAINER_CREDENTIALS_FULL_URI=url)
        elif service == "an instance":
            bench.credentials_file.unlink()
            environ = {
                "AWS_EC2_METADATA_DISABLED": None,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": endless.url,
            }
            judged(bench, endless, 4, *ask, **environ)
        else:
            start = "https://example.awsapps.com/start"
            bench.config_file.write_text(
                f"[profile x]\nregion = eu-west-1\nsso_start_url = {start}\nsso_region = eu-west-1\n"
                "sso_account_id = 123456789012\nsso_role_name = R\n"
            )
            _write_token(bench, start)
            environ = {"AWS_ENDPOINT_URL": endless.url}
            result = bench.run("x", "--credential-process", code=None, environ=environ)
            assert result.code in {4, 5}
            assert endless.asked
            assert endless.sent < MOST_SENT


def _write_token(bench: Bench, start: str) -> None:
    import hashlib
    import json

    place = bench.home / ".aws/sso/cache"
    place.mkdir(parents=True)
    name = hashlib.sha1(start.encode(), usedforsecurity=False).hexdigest()
    token = {"startUrl": start, "region": "eu-west-1", "accessToken": "t", "expiresAt": "2099-01-01T00:00:00Z"}  # fmt: skip
    (place / f"{name}.json").write_text(json.dumps(token))


@pytest.mark.parametrize("size", [0, 1, bounded.MOST_BYTES, bounded.MOST_BYTES + 1])
def test_a_mib_is_read_whole(size: int) -> None:
    """And not a byte more."""

    class Raw:
        closed = False

        def stream(self) -> Iterator[bytes]:
            yield from (os.urandom(1) * min(1000, size - at) for at in range(0, size, 1000))

        def close(self) -> None:
            self.closed = True

    raw = Raw()
    assert len(bounded._read(raw)) == min(size, bounded.MOST_BYTES)
    assert raw.closed == (size > bounded.MOST_BYTES)
