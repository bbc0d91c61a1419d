"""A file that one process at a time holds, and takes away when it is done."""

import fcntl
import os
import stat

from awsassume import folders, private


class Bolt:
    """Holds a file of the cache by locking it; the lock is nobody's when its holder dies.

    The holder alone takes the file away. Who waited for a file that is gone meanwhile has waited for nothing, and goes on to
    the one that is there now: else it and the holder of a new one would both be let in.
    Raises private.UntrustedError or OSError, also where the file system has no locks.
    """

    def __init__(self, cache: str, place: str, name: str) -> None:
        self._folder = folders.made(cache, place)
        self._name = name
        self._descriptor = -1
        self.held = False
        try:
            self._open()
        except BaseException:
            self.end()
            raise

    def _open(self) -> None:
        self._descriptor = self._folder.open(self._name, folders.SHARED)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise private.UntrustedError(f"{self._folder.path}/{self._name} is no file of ours")
        folders.close_to_others(self._descriptor)

    def take(self) -> bool:
        """Tell whether it is ours now; does not wait."""
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._is_there():
                self.held = True
                return True
            os.close(self._descriptor)
            self._descriptor = -1
            self._open()

    def write(self, data: bytes) -> None:
        """Put the data in place of what the file holds. Others that wait for the same file can read it."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)

    def read(self, most: int) -> bytes:
        """Give what the file holds, so many bytes at most."""
        return os.pread(self._descriptor, most, 0)

    def end(self) -> None:
        """Let go. An empty file of ours goes too; one that holds a word for the next stays."""
        try:
            if self.held and os.fstat(self._descriptor).st_size == 0 and self._is_there():
                self._folder.unlink(self._name)
        except OSError:
            pass
        self.held = False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._folder.close()

    def _is_there(self) -> bool:
        try:
            status = self._folder.status(self._name)
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(self._descriptor), status)
