"""One process at a time gets a session; the others wait, and find it kept."""

import os
from types import TracebackType
from typing import Self

import filelock

from awsassume import private, sessions


class Lock:
    """One holder at a time for a session; held by nobody when its holder dies.

    ``held`` is false when the lock could not be had within ``seconds`` (another process is slow; ``is_busy``) or at all (a file
    system without locks): the caller then does the work itself.
    """

    def __init__(self, cache: str, key: str, seconds: float) -> None:
        self.held = False
        self.is_busy = False
        self.reason = ""
        self._path = f"{cache}/{sessions.FOLDER}/{key}{sessions.LOCK}"
        self._seconds = seconds

    def __enter__(self) -> Self:
        """Wait for the lock."""
        try:
            private.make(os.path.dirname(os.path.dirname(self._path)))
            private.make(os.path.dirname(self._path))
            _try_locks(self._path)
            self._lock = filelock.FileLock(
                self._path, timeout=self._seconds, mode=0o600, poll_interval=0.02
            )
            self._lock.acquire()
            self.held = True
        except filelock.Timeout:
            self.is_busy = True
            self.reason = f"another awsassume has been busy with it for {self._seconds:.0f} s"
        except (OSError, NotImplementedError, private.UntrustedError) as error:
            self.reason = f"no lock can be had in {os.path.dirname(self._path)} ({error})"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one in."""
        if self.held:
            self._lock.release()


def _try_locks(path: str) -> None:
    """Raise OSError where the file system has no locks.

    filelock, according to its version, waits there until its time is up, or makes do with a file that a killed process
    would leave behind for good.
    """
    try:
        import fcntl
    except ImportError:
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        private.close_to_others(descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
