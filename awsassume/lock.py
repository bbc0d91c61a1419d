"""One process at a time gets a session; the others wait, and find it kept."""

import time
from types import TracebackType
from typing import Self

from awsassume import private, sessions
from awsassume.bolt import Bolt

_POLL_SECONDS = 0.02


class Lock:
    """One holder at a time for a session; held by nobody when its holder dies.

    ``held`` is false when the lock could not be had within ``seconds`` (another process is slow; ``is_busy``) or at all (a file
    system without locks): the caller then does the work itself.
    """

    def __init__(self, cache: str, key: str, seconds: float) -> None:
        self.held = False
        self.is_busy = False
        self.reason = ""
        self._cache = cache
        self._name = f"{key}{sessions.LOCK}"
        self._seconds = seconds
        self._bolt: Bolt | None = None

    def __enter__(self) -> Self:
        """Wait for the lock."""
        try:
            self._wait()
        except (OSError, private.UntrustedError) as error:
            self.reason = f"no lock can be had in {self._cache}/{sessions.FOLDER} ({error})"
        if self.is_busy:
            self.reason = f"another awsassume has been busy with it for {self._seconds:.0f} s"
        return self

    def _wait(self) -> None:
        self._bolt = bolt = Bolt(self._cache, sessions.FOLDER, self._name)
        until = time.monotonic() + self._seconds
        while not bolt.take():
            if time.monotonic() >= until:
                self.is_busy = True
                return
            time.sleep(_POLL_SECONDS)
        self.held = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one in."""
        if self._bolt:
            self._bolt.end()
