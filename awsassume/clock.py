"""How long AWS may take over all calls of one run."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from awsassume.spinner import Waiting, silent

# The Rust SDK kills a credential_process at 21 seconds, so 20 are all there is: 14 for AWS, or 15 of waiting for another
# process (which has its 14, and a second to be done) and 5 for AWS.
CALL_SECONDS = 14
LEAST_SECONDS = 5


class OutOfTimeError(BaseException):
    """The time that AWS has in all is used up.

    No ``Exception``: urllib3 and botocore would take it for a connection that broke, and try once more.
    """


class Clock:
    """What is left of the seconds that AWS has, over all calls of one run; a person typing a code is not counted."""

    def __init__(self, seconds: float = CALL_SECONDS, waiting: Waiting = silent) -> None:
        self.left = seconds
        self._waiting = waiting

    def spend(self, seconds: float) -> None:
        """Take off what went by without AWS; something is left for it in any case."""
        self.left = max(min(self.left, LEAST_SECONDS), self.left - max(0.0, seconds))

    @contextmanager
    def running(self, what: str) -> Iterator[None]:
        """Show that ``what`` is waited for, and stop it when the time is up. Raises OutOfTimeError."""
        with self._waiting(what), self._running():
            yield

    @contextmanager
    def _running(self) -> Iterator[None]:
        if (
            not hasattr(signal, "setitimer")
            or threading.current_thread() is not threading.main_thread()
        ):
            yield
            return

        def ring(*_: object) -> None:
            raise OutOfTimeError

        if self.left <= 0:
            raise OutOfTimeError
        began = time.monotonic()
        earlier = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, self.left)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, earlier)
            self.left -= time.monotonic() - began
