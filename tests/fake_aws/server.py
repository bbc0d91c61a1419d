"""The loopback HTTP server: it reads requests, lets faults happen, and sends answers."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from . import router, sigv4
from .calls import Call
from .http import Request, Response

if TYPE_CHECKING:
    from .aws import FakeAws
    from .faults import Fault


LINE_END = re.compile(r"[\r\n]+")


class Server(ThreadingHTTPServer):
    """A server that takes the calls of hundreds of processes at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 4096

    def __init__(self, aws: FakeAws, port: int, certificate: str | None) -> None:
        """Listen on a loopback port, a free one unless it is given."""
        self.aws = aws
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", port), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is left to the first read, in the connection's own thread.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def server_bind(self) -> None:
        """Bind without the look-up of this machine's name, which may ask the network."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """One connection of one client, which may send several requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Answer a request."""
        length = int(self.headers.get("Content-Length") or 0)
        # A proxy's client sends the whole URL.
        path, _, query = re.sub(r"^https?://[^/]*", "", self.path).partition("?")
        path = path or "/"
        request = Request(self.command, path, query, self.headers, self.rfile.read(length))
        if path.startswith("/_fake/"):
            self.send(self.server.aws.control(request))
            return
        call = self.log(request)
        fault = self.server.aws.faults.take(call.action)
        if fault is None:
            self.send(router.answer(self.server.aws, request, call))
        else:
            self.misbehave(fault, request, call)

    do_POST = do_GET  # noqa: N815 - the name that the standard library calls
    do_PUT = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def log(self, request: Request) -> Call:
        """Add a request to the log of calls, before anything is done about it."""
        aws = self.server.aws
        scope = sigv4.read_scope(request)
        keys = aws.keys.get(scope.access_key_id) if scope else None
        call = Call(
            router.action_of(request),
            request.parameters,
            scope.access_key_id if scope else None,
            scope.service if scope else None,
            scope.region if scope else None,
            request.header("User-Agent"),
            aws.now(),
            request.method,
            request.path,
            keys.arn if keys else None,
        )
        return aws.log.add(call)

    def misbehave(self, fault: Fault, request: Request, call: Call) -> None:
        """Answer as a fault says, or not at all."""
        if fault.kind == "hang":
            call.outcome = fault.kind
            self.wait(None)
            return
        if fault.kind == "delay":
            self.wait(fault.seconds)
        if fault.kind == "hold":
            self.server.aws.faults.released.wait()
        request.overrides = fault.overrides
        response = fault.answer(call.service)
        if response is None:
            response = router.answer(self.server.aws, request, call)
        if fault.kind not in {"delay", "hold"} and not fault.overrides:
            call.outcome = fault.kind
        whole = self.written(response)
        match fault.kind:
            case "drop":
                self.reset()
            case "drop-midway":
                self.write(whole[: len(whole) - len(response.body) // 2 - 1])
                self.close_connection = True
            case "drip":
                self.drip(whole, fault.seconds)
            case _:
                self.write(whole)

    def wait(self, seconds: float | None) -> None:
        """Do nothing for so long, or until the server stops."""
        self.server.closing.wait(seconds)
        self.close_connection = self.close_connection or seconds is None

    def reset(self) -> None:
        """Break the connection as a machine that fails does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def drip(self, whole: bytes, seconds: float) -> None:
        """Send an answer a byte at a time."""
        for byte in whole:
            if self.server.closing.wait(seconds) or not self.write(bytes([byte])):
                break
        self.close_connection = True

    def send(self, response: Response) -> None:
        """Send an answer."""
        self.write(self.written(response))

    def written(self, response: Response) -> bytes:
        """Return an answer as HTTP writes it."""
        headers = {
            "Date": self.date_time_string(int(self.server.aws.now())),
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            **response.headers,
        }
        lines = "".join(
            f"{name}: {LINE_END.sub(' ', value)}\r\n" for name, value in headers.items()
        )
        body = b"" if self.command == "HEAD" else response.body
        return f"HTTP/1.1 {response.status} Answer\r\n{lines}\r\n".encode() + body

    def write(self, data: bytes) -> bool:
        """Send bytes; False where the client has gone."""
        with contextlib.suppress(OSError):
            self.connection.sendall(data)
            return True
        self.close_connection = True
        return False

    def log_message(self, *_args: object) -> None:
        """Keep quiet."""
