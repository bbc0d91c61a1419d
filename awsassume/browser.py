"""Sends the browser to a link without showing the link to anybody else, and hears what it brings back.

A browser is started with an address on its command line, which every user of the machine can read in the list of processes;
a sign-in link is as good as a password. So the browser is given a page of ours on 127.0.0.1, whose name nobody can guess,
and the page sends it on, once. That somebody reads the name and is faster than the browser is ruled out where the system
tells whose a connection is (Linux): only this user's own is answered. Elsewhere the name is on no command line: the browser
is given a private file that leads to the page. The link itself is in no file, where it would be left for nobody knows how
long; and browsers in a sandbox (snap, flatpak) or outside of this machine (WSL) could not read it.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from awsassume import loopback, peer
from awsassume.errors import RefusedFailure

if TYPE_CHECKING:
    from types import TracebackType

OPEN_SECONDS = 60
_LOCAL = ("127.0.0.1", "localhost", "::1")
_OPENER = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.stdin.read()))"
_DONE = (
    "<!doctype html><title>awsassume</title><p>Done. Close this page and go back to the terminal."
)
_LEADS = '<!doctype html><title>awsassume</title><meta http-equiv="refresh" content="0; url={}">'


class Answer(NamedTuple):
    """An answer: its status, its text, where to go on to, and what has happened once it is written."""

    status: int
    text: str
    link: str = ""
    event: threading.Event | None = None


class Page:
    """A context with a page on loopback that sends the browser that opens it to ``link``, once.

    With ``callback``, a path, it also takes the query that a browser comes back there with: the one that has ``state``, a
    secret that was given to nobody but those who send the browser back. ``address`` is what to start the browser with.
    """

    def __init__(self, link: str = "", *, callback: str | None = None) -> None:
        self.link = link
        self.callback = callback
        self.state = secrets.token_urlsafe(32)
        self.query: dict[str, str] = {}
        self.opened = threading.Event()
        self.returned = threading.Event()
        self._is_used = False
        self._name = f"/{secrets.token_urlsafe(32)}"
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._folder: str | None = None
        self.port = self._server.port
        self.address = f"http://{loopback.ADDRESS}:{self.port}{self._name}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        if not peer.is_told():
            self._folder = tempfile.mkdtemp(prefix="awsassume-")
            path = f"{self._folder}/page.html"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(_LEADS.format(self.address))
            self.address = f"file://{path}"
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
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

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
                self.query = self._answer_to_us(query)
                if self.query:
                    return Answer(200, _DONE, "", self.returned)
        return Answer(404, "There is no such page.")

    def _answer_to_us(self, query: str) -> dict[str, str]:
        """Read a query; nothing where it is of another login, as any page of the web can send the browser here with."""
        found = {key: values[0] for key, values in parse_qs(query).items()}
        is_ours = secrets.compare_digest(found.get("state", "").encode(), self.state.encode())
        return found if is_ours and ("code" in found or "error" in found) else {}


class _Server(loopback.Server):
    def __init__(self, page: Page) -> None:
        super().__init__(loopback.listen(), _Handler)
        self.page = page


class _Handler(loopback.Handler):
    server: _Server

    def answer(self) -> None:
        """Answer."""
        answer = Answer(403, "")
        # A page that had its name pointed at us says that name.
        if self.headers.get("Host") == f"{loopback.ADDRESS}:{self.server.port}":
            answer = self.server.page.answer(self.path)
        more = [("Referrer-Policy", "no-referrer")]
        if answer.link:
            more.append(("Location", answer.link))
        self.give(answer.status, "text/html; charset=utf-8", answer.text.encode(), *more)
        if answer.event:
            # Not before: this process may end as soon as it hears of it.
            answer.event.set()


def checked(link: str, giver: str) -> str:
    """Give a link that a browser may be sent to, or a person be shown. Raises RefusedFailure.

    What others give could be a script, a file of this machine, or end the header that it goes into.
    """
    try:
        parts = urlsplit(link)
        is_good = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        is_good = is_good and bool(parts.hostname)
    except ValueError:
        is_good = False
    # The library passes over some that a browser or a terminal does not.
    if not is_good or any(not "!" <= char <= "~" for char in link):
        raise RefusedFailure(
            f"the link that {giver} gives is no https address: {link[:80]!a}",
            "check the endpoint that is named, and the network between",
        )
    return link


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
            [sys.executable, "-I", "-c", _OPENER],
            stdin=subprocess.PIPE,
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
        assert self._process.stdin  # noqa: S101  # it is a pipe
        try:
            # Not as an argument: what becomes of it there is the browser's matter.
            self._process.stdin.write(address.encode())
            self._process.stdin.close()
        except BrokenPipeError:
            # The process has ended, and its code says so.
            pass

    @property
    def has_failed(self) -> bool:
        """Whether no browser could be started."""
        return bool(self._process.poll())
