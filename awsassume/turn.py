"""One at a time: who works out what a command line means, or asks a source, while the others wait for what comes of it."""

import time

from awsassume import private, recall, record
from awsassume.bolt import Bolt

MOST_BYTES = 1000


class Turn:
    """One process at a time works out what a command line means, or asks a source; the others wait, and find it there.

    It is no matter of right, only of fifty processes not doing the same work at once. Where there are no locks, or after some
    seconds, everybody goes ahead.
    """

    def __init__(self, cache: str, name: str) -> None:
        self.waited = False
        self.is_busy = False
        self._bolt: Bolt | None = None
        try:
            self._bolt = Bolt(cache, recall.FOLDER, recall.name_of(name) + ".turn")
        except (OSError, private.UntrustedError):
            return

    def wait(self, seconds: float) -> None:
        """Wait for the turn; ``is_busy`` says afterwards that another still has it."""
        self.is_busy = False
        until = time.monotonic() + seconds
        try:
            while self._bolt and not self._bolt.take():
                self.waited = True
                if time.monotonic() > until:
                    self.is_busy = True
                    return
                # Hundreds may be waiting, and none of them must take the time from the one who works.
                time.sleep(0.01 if until - time.monotonic() > seconds - 1 else 0.03)
        except (OSError, private.UntrustedError):
            return

    def say(self, text: str) -> None:
        """Leave a line for whoever comes next; if it can't be left, they do without."""
        try:
            if self._bolt:
                self._bolt.write(record.dump([("said", text)]))
        except (OSError, ValueError):
            return

    def said(self) -> str:
        """Give what was left by the one before; ``""`` for nothing, and for what is no text."""
        try:
            pairs = record.load(self._bolt.read(MOST_BYTES)) if self._bolt else None
        except OSError:
            return ""
        return dict(pairs or ()).get("said", "")

    def end(self) -> None:
        """Let the next one in."""
        if self._bolt:
            self._bolt.end()
            self._bolt = None
