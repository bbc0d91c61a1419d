"""A server on 127.0.0.1 that answers its own user's processes, a bounded number of them at once."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from awsassume import peer

ADDRESS = "127.0.0.1"
# Well below what a process may open (256 where it is least), with as many more on their way in.
MOST = 64
_BACKLOG = 1024
_PAUSE_SECONDS = 0.1
_MOMENT_SECONDS = 1.0


def listen() -> socket.socket:
    """Give a socket that listens at a free port, which no other may share."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((ADDRESS, 0))
    listener.listen(_BACKLOG)
    return listener


class Server(ThreadingHTTPServer):
    """A server on a socket that listens already.

    Whoever waits to come in is taken in at once, and those who are not this user's are put out before any is answered. Where
    the system does not tell whose they are, and for the user's own, the number is bounded: of those who have asked for
    nothing yet the one who came first makes room. The user's own are given a moment for it.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, handler: type["Handler"]) -> None:
        super().__init__((ADDRESS, 0), handler, bind_and_activate=False)
        self.socket.close()
        listener.setblocking(False)  # noqa: FBT003  # socket takes it so
        self.socket = listener
        self.port: int = listener.getsockname()[1]
        self._silent: dict[socket.socket, float] = {}
        self._asking: set[socket.socket] = set()
        self._changed = threading.Condition()

    def get_request(self) -> tuple[socket.socket, peer.Address]:
        """Take in all who wait, begin to hear all but one, and give that one. Raises OSError where there is none."""
        came = self._admit()
        if not came:
            raise BlockingIOError
        for connection, client in came[1:]:
            try:
                self.process_request(connection, client)
            except RuntimeError:
                # There is no room for one thread more; the next may find some.
                self.shutdown_request(connection)
        return came[0]

    def _admit(self) -> list[tuple[socket.socket, peer.Address]]:
        came: dict[peer.Address, socket.socket] = {}
        try:
            while len(came) < MOST:
                connection, client = self.socket.accept()
                # Some systems hand the listener's own way on.
                connection.setblocking(True)  # noqa: FBT003  # socket takes it so
                came[client] = connection
        except BlockingIOError:
            pass
        except OSError:
            # Too many files are open: some are about to be closed.
            threading.Event().wait(_PAUSE_SECONDS)
        own = peer.own(came, (ADDRESS, self.port)) if came else set()
        for client in [client for client in came if own is not None and client not in own]:
            came.pop(client).close()
        return [(connection, client) for client, connection in came.items()]

    def process_request(self, request: object, client_address: object) -> None:
        """Hear a connection in a thread of its own, once there is room."""
        connection = request
        assert isinstance(connection, socket.socket)  # noqa: S101  # the library knows of datagrams too
        with self._changed:
            while len(self._silent) + len(self._asking) >= MOST:
                self._changed.wait(self._make_room())
            self._silent[connection] = time.monotonic()
        super().process_request(connection, client_address)

    def _make_room(self) -> float | None:
        """Hang up on the first who is silent for too long; give for how long to wait for who is done, or asks, by then."""
        if not self._silent:
            return None
        connection, came = next(iter(self._silent.items()))
        moment = _MOMENT_SECONDS if peer.is_told() else 0.0
        left = came + moment - time.monotonic()
        if left > 0:
            return left
        _hang_up(connection)
        return None

    def hears(self, connection: socket.socket) -> None:
        """Count a connection among those that have asked."""
        with self._changed:
            if connection in self._silent:
                del self._silent[connection]
                self._asking.add(connection)

    def shutdown_request(self, request: object) -> None:
        """Be done with a connection."""
        assert isinstance(request, socket.socket)  # noqa: S101  # as above
        super().shutdown_request(request)
        with self._changed:
            self._silent.pop(request, None)
            self._asking.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It has gone by itself.
        pass


class Handler(BaseHTTPRequestHandler):
    """One connection, which asks one thing."""

    server: Server
    timeout = 10

    def parse_request(self) -> bool:
        """Read the head of what is asked."""
        is_whole = super().parse_request()
        if is_whole:
            self.server.hears(self.connection)
        return is_whole

    def do_GET(self) -> None:
        """Answer the one question that there is."""
        self.answer()

    def answer(self) -> None:
        """Answer by ``give``."""
        raise NotImplementedError

    def give(self, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> None:
        """Answer, with these headers more, and hang up."""
        self.send_response(status)
        for name, value in more:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Name ourselves, and not Python's version."""
        return "awsassume"

    def log_message(self, *_args: object) -> None:
        """Keep no log: what would be written is asked by SDKs every few seconds."""
