"""Sends the browser to a link without showing the link to anybody else, and hears what it brings back.

A browser is started with an address on its command line, which every user of the machine can read in the list of processes;
a sign-in link is as good as a password. So the browser is given a page of ours on 127.0.0.1, whose name nobody can guess,
and the page sends it on, once. That somebody reads the name and is faster than the browser is ruled out where the system
tells whose a connection is (Linux): only this user's own is answered. A private file would leave the link on disk for
nobody knows how long, and browsers in a sandbox (snap, flatpak) or outside of this machine (WSL) can't read it.
"""

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from types import TracebackType

OPEN_SECONDS = 60
_OPENER = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
_DONE = (
    "<!doctype html><title>awsassume</title><p>Done. Close this page and go back to the terminal."
)


class Answer(NamedTuple):
    """An answer: its status, its text, where to go on to, and what has happened once it is written."""

    status: int
    text: str
    link: str = ""
    event: threading.Event | None = None


class Page:
    """A context with a page on loopback that sends the browser that opens it to ``link``, once.

    With ``callback``, a path, it also takes the query that a browser comes back there with.
    """

    def __init__(self, link: str = "", *, callback: str | None = None) -> None:
        self.link = link
        self.callback = callback
        self.query: dict[str, str] = {}
        self.opened = threading.Event()
        self.returned = threading.Event()
        self._is_used = False
        self._name = f"/{secrets.token_urlsafe(32)}"
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self.address = f"http://127.0.0.1:{self.port}{self._name}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Answer:
        """Say what to answer to a path that was asked for; what is given once is not given again."""
        name, _, query = path.partition("?")
        with self._lock:
            if secrets.compare_digest(name.encode(), self._name.encode()):
                if self._is_used:
                    return Answer(410, "This page was opened before.")
                self._is_used = True
                return Answer(303, "", self.link, self.opened)
            if self.callback and name == self.callback and not self.query:
                self.query = {key: values[0] for key, values in parse_qs(query).items()}
                return Answer(200, _DONE, "", self.returned if self.query else None)
        return Answer(404, "There is no such page.")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # An address that a dead browser's connection lingers on is never another's: the port is free and random.
    allow_reuse_address = False

    def __init__(self, page: Page) -> None:
        self.page = page
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Bind without looking up this machine's name, which may ask the network."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002  # the library's signature
        """Refuse what another user's process asks."""
        return is_own(client_address, self.server_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """Answer."""
        answer = Answer(403, "")
        # A page that had its name pointed at us says that name.
        if self.headers.get("Host") == f"127.0.0.1:{self.server.server_port}":
            answer = self.server.page.answer(self.path)
        body = answer.text.encode()
        self.send_response(answer.status)
        if answer.link:
            self.send_header("Location", answer.link)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if answer.event:
            # Not before: this process may end as soon as it hears of it.
            answer.event.set()

    def version_string(self) -> str:
        """Name ourselves, and not Python's version."""
        return "awsassume"

    def log_message(self, *_args: object) -> None:
        """Keep no log."""


def is_own(client: object, server: object) -> bool:
    """Tell whether a loopback connection is of this user's or root's; true where the system does not tell.

    proc(5), /proc/net/tcp: addresses in hexadecimal, the owner's id in the eighth column.
    """
    if not (isinstance(client, tuple) and isinstance(server, tuple) and hasattr(os, "geteuid")):
        return False
    ends = f":{client[1]:04X}", f":{server[1]:04X}"
    known = False
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        known = True
        for row in rows:
            if row[1].endswith(ends[0]) and row[2].endswith(ends[1]):
                return int(row[7]) in {0, os.geteuid()}
    return not known


def can_open(environ: Mapping[str, str]) -> bool:
    """Tell whether a browser with a window is likely: a text browser can't show what we have to show."""
    if environ.get("BROWSER") or sys.platform in {"darwin", "win32"}:
        return True
    return bool(
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or environ.get("WSL_DISTRO_NAME")
    )


class Opener:
    """The process that starts the browser, which lives on without us and says nothing on our terminal."""

    def __init__(self, address: str, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _OPENER, address],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # The browser is nobody to give credentials to; without TERM no text browser is taken for one.
            env={
                name: value
                for name, value in environ.items()
                if not name.startswith("AWS") and name != "TERM"
            },
        )

    @property
    def has_failed(self) -> bool:
        """Whether no browser could be started."""
        return bool(self._process.poll())
