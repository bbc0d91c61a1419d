"""One at a time: who works out what a command line means, or asks a source, while the others wait for what comes of it."""

import os
import time

from awsassume import private, recall


class Turn:
    """One process at a time works out what a command line means, or asks a source; the others wait, and find it there.

    It is no matter of right, only of fifty processes not doing the same work at once. Where there are no locks, or after some
    seconds, everybody goes ahead.
    """

    def __init__(self, cache: str, name: str) -> None:
        self.waited = False
        self.is_busy = False
        self._descriptor = -1
        try:
            private.make(cache)
            private.make(f"{cache}/{recall.FOLDER}")
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._descriptor = os.open(recall.path_of(cache, name) + ".turn", flags, 0o600)
            private.close_to_others(self._descriptor)
        except (OSError, private.UntrustedError):
            return

    def wait(self, seconds: float) -> None:
        """Wait for the turn; ``is_busy`` says afterwards that another still has it."""
        self.is_busy = False
        if self._descriptor < 0:
            return
        try:
            import fcntl
        except ImportError:
            return
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.waited = True
                if time.monotonic() > until:
                    self.is_busy = True
                    return
                # Hundreds may be waiting, and none of them must take the time from the one who works.
                time.sleep(0.01 if until - time.monotonic() > seconds - 1 else 0.03)
            except OSError:
                return
            else:
                return

    def say(self, text: str) -> None:
        """Leave a line for whoever comes next; if it can't be left, they do without."""
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)
        except OSError:
            return

    def said(self) -> str:
        """Give what was left by the one before; ``""`` for nothing, and for what is no text."""
        try:
            return os.pread(self._descriptor, 1000, 0).decode()
        except (OSError, ValueError):
            return ""

    def end(self) -> None:
        """Let the next one in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
