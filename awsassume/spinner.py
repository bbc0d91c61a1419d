"""Shows on standard error that something is being waited for, once it takes longer than half a second.

Only on a terminal, in its foreground, and not under --quiet. Where NO_COLOR is set or TERM is dumb it is one plain line.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Self

from awsassume import person

if TYPE_CHECKING:
    from types import TracebackType

    from rich.status import Status

    from awsassume.program import Program
    from awsassume.request import Request

DELAY_SECONDS = 0.5

Waiting = Callable[[str], AbstractContextManager[object]]
"""Takes what is waited for; its context lasts as long as the waiting."""


def silent(text: str) -> AbstractContextManager[object]:  # noqa: ARG001  # the form of every Waiting
    """Show nothing."""
    return nullcontext()


def waiting(program: "Program", request: "Request") -> Waiting:
    """Give what shows the waiting of this run: on a terminal only, and never to those who run us to read JSON."""
    if request.quiet or request.format == "process" or not _is_seen(2):
        return silent
    plain = is_plain(program.environ)
    return lambda text: Spinner(text, plain=plain)


def is_plain(environ: Mapping[str, str]) -> bool:
    """Tell whether the user wants no escape codes. https://no-color.org."""
    return bool(environ.get("NO_COLOR")) or environ.get("TERM", "dumb") == "dumb"


def _is_seen(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


class Spinner:
    """A context that shows its text after half a second, and takes it away at its end."""

    def __init__(self, text: str, *, plain: bool) -> None:
        self._text = text
        self._plain = plain
        self._lock = threading.Lock()
        self._over = False
        self._status: Status | None = None
        self._timer = threading.Timer(DELAY_SECONDS, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Begin to wait."""
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: "TracebackType | None",
    ) -> None:
        """Be done with it."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._status:
                self._status.stop()

    def _show(self) -> None:
        text = f"awsassume: waiting for {person.plain(self._text)}"
        if self._plain:
            with self._lock:
                if not self._over:
                    person.tell(2, f"{text}…\n")
            return
        # Half a second has passed already; what rich takes to come in is lost on nobody.
        from rich.console import Console
        from rich.text import Text

        with self._lock:
            if not self._over:
                self._status = Console(stderr=True).status(Text(text), spinner="dots")
                self._status.start()
